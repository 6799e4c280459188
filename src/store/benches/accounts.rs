//! Accounts by number.

use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// The code of a customer by number.
pub(crate) fn code(number: u32) -> String {
    format!("CUST{number:07}")
}

/// Writes so many customers with two keys each, in no order.
pub(crate) fn write(path: &Path, customers: u32) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for index in 0..customers {
        let number = shuffled(index, customers);
        let keys: Vec<_> = (0..2u32)
            .map(|key| {
                let hash = format!("sha256:{:0>64x}", (u64::from(number) * 2 + u64::from(key)) * 0x9e37_79b9);
                json!({"id": format!("k_{number:010}{key}x"), "hash": hash, "expires_at": 1_900_000_000 + number})
            })
            .collect();
        writeln!(file, "{}", json!({"client_id": code(number), "keys": keys})).unwrap();
    }
    file.flush().unwrap();
}

/// A permutation of the numbers below `count`: steps of a prime that does not divide it.
fn shuffled(index: u32, count: u32) -> u32 {
    ((u64::from(index) * 1_000_003) % u64::from(count)) as u32
}
