//! Requests that come at a steady rate whether or not earlier ones have been answered. Each is timed from when it was
//! due, so that a server which holds everyone up for a while does not look as if fewer had asked.

use anyhow::{Result, ensure};
use serde::Serialize;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::statistics::quantile;

/// So many can wait at a time.
const CONNECTIONS: u32 = 64;

/// Milliseconds.
#[derive(Serialize)]
pub struct OpenLoop {
    pub rate: u32,
    pub requests: usize,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// Sends a request at `rate` a second for some seconds.
pub fn run(address: SocketAddr, request: &[u8], rate: u32, seconds: u32) -> Result<OpenLoop> {
    let start = Instant::now() + Duration::from_millis(100);
    let times = thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                scope.spawn(move || {
                    let mine = (number..rate * seconds).step_by(CONNECTIONS as usize);
                    call(
                        address,
                        request,
                        mine.map(|slot| start + Duration::from_secs(1) * slot / rate),
                    )
                })
            })
            .collect();
        let mut times = Vec::new();
        for caller in callers {
            times.extend(caller.join().expect("a caller does not panic")?);
        }
        anyhow::Ok(times)
    })?;
    let mut times = times;
    times.sort_by(f64::total_cmp);
    Ok(OpenLoop {
        rate,
        requests: times.len(),
        p50: quantile(&times, 0.5),
        p99: quantile(&times, 0.99),
        p999: quantile(&times, 0.999),
    })
}

fn call(
    address: SocketAddr,
    request: &[u8],
    due: impl Iterator<Item = Instant>,
) -> Result<Vec<f64>> {
    let mut client = Client::connect(address)?;
    let mut times = Vec::new();
    for due in due {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let (status, _) = client.exchange(request)?;
        ensure!(status == 200, "answered {status}:\n{}", client.last());
        times.push(due.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}
