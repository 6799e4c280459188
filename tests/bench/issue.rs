//! Issuing tokens, beside the lookup that it needs through the same Envoy, and beside an OAuth server in use elsewhere.

use anyhow::Result;
use latchkey_tests::{Envoy, Key};
use serde::Serialize;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::open_loop::{self, OpenLoop};
use crate::peer::Peer;
use crate::progress::Progress;
use crate::statistics::Quartiles;
use crate::wrk;

/// The customer that asks for tokens.
pub const CUSTOMER: &str = "BENCH01";

/// What the store wants to see from whoever looks customers up.
pub const SERVICE_TOKEN: &str = "the-service-token-of-the-benchmark";

/// Requests a second that come whether or not earlier ones have been answered.
const STEADY_RATE: u32 = 2000;

#[derive(Serialize)]
pub struct Issue {
    pub slices: usize,
    pub at_once: Vec<AtOnce>,
    pub steady: Vec<Steady>,
}

/// So many requests under way at a time.
#[derive(Serialize)]
pub struct AtOnce {
    pub callers: usize,
    pub lines: Vec<Line>,
}

#[derive(Serialize)]
pub struct Line {
    pub name: &'static str,
    /// Answers a second.
    pub rate: Quartiles,
    /// Milliseconds.
    pub p50: Quartiles,
    /// Milliseconds.
    pub p99: Quartiles,
    /// Latchkey's rate as a share of this one's, in the same turn.
    pub latchkey_to_this: Quartiles,
}

/// Requests at a steady rate, in milliseconds from when each was due.
#[derive(Serialize)]
pub struct Steady {
    pub name: &'static str,
    #[serde(flatten)]
    pub times: OpenLoop,
}

/// One that is asked.
pub struct Side {
    name: &'static str,
    address: SocketAddr,
    path: &'static str,
    header: String,
    /// The form of a token request; a plain GET where there is none.
    form: Option<String>,
    script: Option<PathBuf>,
}

/// Measures all sides in turn. The first is the one that the others are compared with.
pub fn measure(sides: &[Side], slices: usize, steady_seconds: u32) -> Result<Issue> {
    let mut progress = Progress::new("token issue", 3 * slices * sides.len());
    let mut done = 0;
    let mut at_once = Vec::new();
    for callers in [1, 16, 64] {
        let mut results: Vec<Vec<wrk::Outcome>> = sides.iter().map(|_| Vec::new()).collect();
        for slice in 0..slices {
            for step in 0..sides.len() {
                let index = (slice + step) % sides.len();
                let outcome = sides[index].load(callers).run()?;
                outcome.expect(true, sides[index].name)?;
                results[index].push(outcome);
                done += 1;
                progress.at(done);
            }
        }
        let of = |results: &[wrk::Outcome], field: fn(&wrk::Outcome) -> f64| {
            Quartiles::of(results.iter().map(field))
        };
        let lines = sides.iter().zip(&results).map(|(side, outcomes)| Line {
            name: side.name,
            rate: of(outcomes, |outcome| outcome.rate),
            p50: of(outcomes, |outcome| outcome.p50),
            p99: of(outcomes, |outcome| outcome.p99),
            latchkey_to_this: Quartiles::of(
                results[0]
                    .iter()
                    .zip(outcomes)
                    .map(|(latchkey, this)| latchkey.rate / this.rate),
            ),
        });
        at_once.push(AtOnce {
            callers,
            lines: lines.collect(),
        });
    }
    let mut steady = Vec::new();
    for side in sides.iter().filter(|side| side.name != PEER) {
        eprintln!(
            "{} at a steady {STEADY_RATE} a second, {steady_seconds} s",
            side.name
        );
        let times = open_loop::run(side.address, &side.request(), STEADY_RATE, steady_seconds)?;
        steady.push(Steady {
            name: side.name,
            times,
        });
    }
    Ok(Issue {
        slices,
        at_once,
        steady,
    })
}

const PEER: &str = "oidc-provider";

/// Latchkey, the lookup alone, and the peer, for a customer with this key.
pub fn sides(envoy: &Envoy, key: &Key, folder: &Path, peer: &Peer) -> Result<Vec<Side>> {
    let form = |id: &str, secret: &str| {
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")
    };
    let form_type = "content-type: application/x-www-form-urlencoded".to_owned();
    let mut sides = vec![
        Side {
            name: "latchkey",
            address: envoy.listener("latchkey"),
            path: "/auth/token",
            header: form_type.clone(),
            form: Some(form(CUSTOMER, &key.secret)),
            script: None,
        },
        Side {
            name: "lookup",
            address: envoy.listener("lookup"),
            path: "/v1/clients/BENCH01",
            header: format!("authorization: Bearer {SERVICE_TOKEN}"),
            form: None,
            script: None,
        },
        Side {
            name: PEER,
            address: peer.address(),
            path: "/token",
            header: form_type,
            form: Some(form(CUSTOMER, &key.secret)),
            script: None,
        },
    ];
    for side in &mut sides {
        if let Some(form) = &side.form {
            let script = folder.join(format!("{}.lua", side.name));
            fs::write(
                &script,
                format!("wrk.method = 'POST'\nwrk.body = '{form}'\n"),
            )?;
            side.script = Some(script);
        }
    }
    Ok(sides)
}

impl Side {
    fn load(&self, callers: usize) -> wrk::Load {
        wrk::Load {
            address: self.address,
            path: self.path,
            header: self.header.clone(),
            callers,
            seconds: 1,
            script: self.script.clone(),
        }
    }

    fn request(&self) -> Vec<u8> {
        let method = if self.form.is_some() { "POST" } else { "GET" };
        let form = self.form.as_deref().unwrap_or_default();
        format!(
            "{method} {} HTTP/1.1\r\nhost: api.example.com\r\n{}\r\ncontent-length: {}\r\n\r\n{form}",
            self.path,
            self.header,
            form.len()
        )
        .into_bytes()
    }
}
