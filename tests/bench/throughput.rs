//! How many requests a second Envoy's one worker serves 32 callers, and how long its core runs for each.
//!
//! Variants take turns in slices of a second, and each is compared with the filter that does nothing in the same turn.

use anyhow::Result;
use latchkey_tests::Envoy;
use serde::Serialize;

use crate::cpu;
use crate::progress::Progress;
use crate::statistics::Quartiles;
use crate::tokens::Issuer;
use crate::variants::{Sends, Variant};
use crate::wrk;

/// So many requests are under way at a time.
const CALLERS: usize = 32;

/// The variant with which the others are compared.
const REFERENCE: &str = "noop";

/// The variants of a quick run.
const QUICK: [&str; 4] = [REFERENCE, "latchkey", "jwt_authn", "jwt_authn-cache"];

#[derive(Serialize)]
pub struct Throughput {
    pub callers: usize,
    pub slices: usize,
    pub variants: Vec<Line>,
}

#[derive(Serialize)]
pub struct Line {
    #[serde(flatten)]
    pub variant: Variant,
    /// Requests a second.
    pub rate: Quartiles,
    /// That rate, as a share of the rate of the filter that does nothing in the same turn.
    pub to_noop: Option<Quartiles>,
    /// Microseconds for which Envoy ran, for each request.
    pub cpu: Quartiles,
}

impl Throughput {
    /// The results for one variant.
    pub fn line(&self, name: &str) -> Option<&Line> {
        self.variants.iter().find(|line| line.variant.name == name)
    }
}

pub fn measure(
    envoy: &Envoy,
    issuer: &Issuer,
    variants: &[Variant],
    slices: usize,
    quick: bool,
) -> Result<Throughput> {
    let few = |variant: &&Variant| !quick || QUICK.contains(&&*variant.name);
    let variants: Vec<&Variant> = variants.iter().filter(few).collect();
    let process = envoy.process().id();
    let token = issuer.token(0);
    let mut progress = Progress::new("throughput, 32 callers", slices * variants.len());
    let mut rates: Vec<Vec<f64>> = variants.iter().map(|_| Vec::new()).collect();
    let mut times = rates.clone();
    for slice in 0..slices {
        for step in 0..variants.len() {
            let index = (slice + step) % variants.len();
            let variant = variants[index];
            let load = wrk::Load {
                address: envoy.listener(&variant.listener),
                path: "/products?page=2",
                header: authorization(variant.sends, &token),
                callers: CALLERS,
                seconds: 1,
                script: None,
            };
            let before = cpu::time(process)?;
            let result = load.run()?;
            let ran = cpu::time(process)? - before;
            result.expect(variant.status() == 200, &variant.name)?;
            rates[index].push(result.rate);
            times[index].push(ran.as_secs_f64() * 1e6 / result.requests as f64);
            progress.at(slice * variants.len() + step + 1);
        }
    }
    let reference = variants
        .iter()
        .position(|variant| variant.name == REFERENCE);
    let reference = reference.map(|index| rates[index].clone());
    let lines = variants
        .iter()
        .zip(rates)
        .zip(times)
        .map(|((variant, rates), times)| Line {
            variant: Variant::clone(variant),
            to_noop: reference
                .as_ref()
                .map(|noop| Quartiles::of(rates.iter().zip(noop).map(|(rate, noop)| rate / noop))),
            rate: Quartiles::of(rates),
            cpu: Quartiles::of(times),
        });
    Ok(Throughput {
        callers: CALLERS,
        slices,
        variants: lines.collect(),
    })
}

fn authorization(sends: Sends, token: &str) -> String {
    match sends {
        Sends::Nothing => "x-nothing: 1".to_owned(),
        Sends::Token => format!("authorization: Bearer {token}"),
        Sends::BadSignature => {
            let signed = token.rfind('.').map_or(token, |dot| &token[..=dot]);
            format!("authorization: Bearer {signed}{}", "A".repeat(43))
        }
    }
}
