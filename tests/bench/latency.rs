//! What a filter adds to the time of a request, for one caller.
//!
//! Each round sends one request to every variant, in an order that changes from round to round, and takes the
//! difference to the listener without a filter in that same round. Whatever else the machine does then reaches all
//! variants alike, and the median over the rounds does not see it.

use anyhow::{Result, ensure};
use latchkey_tests::Envoy;
use serde::Serialize;

use crate::client::Client;
use crate::progress::Progress;
use crate::statistics::Quartiles;
use crate::tokens::{Issuer, Reuse};
use crate::variants::{BASE, Variant};

/// The results for one way of using tokens.
#[derive(Serialize)]
pub struct Latency {
    pub tokens: Reuse,
    pub rounds: usize,
    pub variants: Vec<Line>,
}

/// The results for one variant, in microseconds.
#[derive(Serialize)]
pub struct Line {
    #[serde(flatten)]
    pub variant: Variant,
    /// A whole request.
    pub total: Quartiles,
    /// The difference to the listener without a filter.
    pub added: Quartiles,
}

impl Latency {
    /// The results for one variant.
    pub fn line(&self, name: &str) -> Option<&Line> {
        self.variants.iter().find(|line| line.variant.name == name)
    }
}

/// Measures the variants. The first requests only warm up: Envoy's V8 translates a function again once it is hot.
pub fn measure(
    envoy: &Envoy,
    issuer: &Issuer,
    variants: &[Variant],
    reuse: Reuse,
    warm_up: usize,
    rounds: usize,
) -> Result<Latency> {
    let mut clients = Vec::new();
    for variant in variants {
        clients.push(Client::connect(envoy.listener(&variant.listener))?);
    }
    let prepared = if reuse == Reuse::Thousand { 1000 } else { 1 };
    let requests: Vec<Vec<Vec<u8>>> = variants
        .iter()
        .map(|variant| {
            (0..prepared)
                .map(|number| issuer.request(variant.sends, number))
                .collect()
        })
        .collect();

    let mut progress = Progress::new(format!("latency, {}", reuse.what()), warm_up + rounds);
    let mut times: Vec<Vec<f64>> = variants
        .iter()
        .map(|_| Vec::with_capacity(rounds))
        .collect();
    for round in 0..warm_up + rounds {
        for index in order(round, variants.len()) {
            let variant = &variants[index];
            let new;
            let request = if reuse == Reuse::None {
                new = issuer.request(variant.sends, round);
                &new
            } else {
                &requests[index][reuse.token(round)]
            };
            let (status, time) = clients[index].exchange(request)?;
            ensure!(
                status == variant.status(),
                "{} answered {status} where {} was expected:\n{}",
                variant.name,
                variant.status(),
                clients[index].last()
            );
            if round >= warm_up {
                times[index].push(time.as_nanos() as f64 / 1000.0);
            }
        }
        progress.at(round + 1);
    }

    let base = variants.iter().position(|variant| variant.name == BASE);
    let base = times[base.expect("the listener without a filter is always measured")].clone();
    let lines = variants.iter().zip(times).map(|(variant, times)| Line {
        variant: variant.clone(),
        added: Quartiles::of(times.iter().zip(&base).map(|(time, base)| time - base)),
        total: Quartiles::of(times),
    });
    Ok(Latency {
        tokens: reuse,
        rounds,
        variants: lines.collect(),
    })
}

/// Every index once. The start moves on each round; once it has been everywhere the stride changes, so that no variant
/// always comes after the same other one.
fn order(round: usize, count: usize) -> impl Iterator<Item = usize> {
    let strides: Vec<usize> = (1..count.max(2))
        .filter(|&stride| coprime(stride, count))
        .collect();
    let stride = strides[round / count % strides.len()];
    (0..count).map(move |step| (round + step * stride) % count)
}

fn coprime(a: usize, b: usize) -> bool {
    if b == 0 { a == 1 } else { coprime(b, a % b) }
}
