//! Measures what Latchkey costs, beside the filters one could use in its place: `make bench`.

mod arguments;
mod chart;
mod client;
mod cpu;
mod ext_authz;
mod issue;
mod latency;
mod memory;
mod open_loop;
mod peer;
mod progress;
mod report;
mod statistics;
mod table;
mod throughput;
mod tokens;
mod upstream;
mod variants;
mod wrk;

use anyhow::{Context, Result};
use clap::Parser;
use latchkey_tests::{Envoy, Store, files};

use crate::arguments::{Arguments, Part};
use crate::cpu::Cores;
use crate::peer::Peer;
use crate::report::Report;
use crate::tokens::{Reuse, SIGNING_KEY};
use crate::variants::{BASE, Variant};

fn main() -> Result<()> {
    let arguments = Arguments::parse_from(std::env::args().skip(1));
    let cores = Cores::choose()?;
    cpu::hurry();
    cpu::pin(std::process::id(), cores.rest)?;

    let folder = files::run_folder()?;
    let service_token = issue::SERVICE_TOKEN;
    let store = Store::start(
        &folder.join("store.sqlite"),
        &folder.join("store.log"),
        service_token,
    )?;
    let upstream = upstream::start()?;
    let built = files::checkout().join("target/bench");
    let variants = arguments.variants()?;
    let (bootstrap, issuer) = variants::bootstrap(&variants, &built, store.address(), upstream)?;
    let environment = [
        ("LATCHKEY_SIGNING_KEY", SIGNING_KEY),
        ("LATCHKEY_LOOKUP_TOKEN", service_token),
    ];
    let envoy = Envoy::start_with_workers(&folder, &bootstrap, &environment, 1)?;
    cpu::pin(envoy.process().id(), cores.envoy)?;

    let mut report = Report::new(&arguments)?;
    if arguments.includes(Part::Latency) {
        let rounds = arguments.rounds();
        for reuse in arguments.reuses() {
            let relevant = |variant: &&Variant| {
                reuse == Reuse::One || variant.reads_token || variant.name == BASE
            };
            let variants: Vec<Variant> = variants.iter().filter(relevant).cloned().collect();
            let warm_up = 500.max(rounds / 6);
            let latency = latency::measure(&envoy, &issuer, &variants, reuse, warm_up, rounds)?;
            report.latency.push(latency);
        }
    }
    if arguments.includes(Part::Throughput) {
        let slices = arguments.slices();
        let throughput = throughput::measure(&envoy, &issuer, &variants, slices, arguments.quick)?;
        report.throughput = Some(throughput);
    }
    if arguments.includes(Part::Issue) {
        store.add_customer(issue::CUSTOMER)?;
        let key = store.issue_key(issue::CUSTOMER)?;
        let peer = Peer::start(&folder, issue::CUSTOMER, &key)?;
        // It has the core that Envoy has in its turn.
        cpu::pin(peer.id(), cores.envoy)?;
        let sides = issue::sides(&envoy, &key, &folder, &peer)?;
        report.issue = Some(issue::measure(
            &sides,
            arguments.issue_slices(),
            arguments.steady(),
        )?);
    }
    envoy.stop();
    if arguments.includes(Part::Memory) {
        let alone = |name: &str| {
            let one: Vec<Variant> = variants::all()
                .into_iter()
                .filter(|variant| variant.name == name)
                .collect();
            variants::bootstrap(&one, &built, store.address(), upstream)
        };
        let ((with, issuer), (without, _)) = (alone("latchkey")?, alone(BASE)?);
        let measured = memory::Setup {
            with,
            without,
            environment: &environment,
            issuer,
            folder: folder.join("memory"),
            cores,
        };
        report.memory = Some(measured.measure(arguments.requests(), arguments.starts())?);
    }
    println!("{report}");
    let output = arguments.output();
    report
        .write(&output)
        .with_context(|| format!("writing to {}", output.display()))
}
