//! The store under the load of a large API: a million customers with two keys each, imported, then looked up at random.
//!
//! `make bench-store`; `BENCH_STORE_ARGS=--help` lists what can be changed.

mod accounts;
mod load;
mod memory;
#[path = "../tests/plan.rs"]
mod plan;

use clap::{Parser, ValueEnum};
use latchkey_store::repository::{self, Missing};
use latchkey_tests::Postgres;
use latchkey_tests::process::Process;
use latchkey_tests::wait::wait_for;
use load::Load;
use memory::Memory;
use plan::{lookup_plan, whole_table};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TOKEN: &str = "the-service-token-of-the-benchmark";

#[derive(Parser)]
struct Settings {
    /// How many customers are imported
    #[arg(long, default_value_t = 1_000_000)]
    customers: u32,
    /// How long lookups go on
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Lookups a second, over all connections
    #[arg(long, default_value_t = 2000)]
    rate: u64,
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// 50,000 customers for 10 s, to see that all goes well; the figures mean little
    #[arg(long)]
    quick: bool,
    /// Only this kind of database
    #[arg(long)]
    database: Option<Kind>,
    /// What `cargo bench` says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Sqlite,
    Postgres,
}

fn main() {
    let mut settings = Settings::parse();
    if settings.quick {
        (settings.customers, settings.seconds) = (50_000, 10);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("accounts.jsonl");
    accounts::write(&file, settings.customers);
    let chosen = |kind| settings.database.is_none_or(|only| only == kind);
    if chosen(Kind::Sqlite) {
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        println!(
            "\nSQLite {}",
            if settings.bench {
                ""
            } else {
                "(not an optimised build)"
            }
        );
        runtime.block_on(measure(&url, &file, folder.path(), &settings));
    }
    if chosen(Kind::Postgres) {
        // Only memory is raised, to what a small server of its own would have; every commit waits for the disk.
        let postgres = Postgres::start_with(&["shared_buffers=1GB", "max_wal_size=4GB"]).unwrap();
        let url = postgres.database().unwrap();
        println!(
            "\nPostgreSQL {}",
            postgres.query(&url, "SHOW server_version").unwrap()
        );
        runtime.block_on(async {
            import(&url, &file);
            // What the server does by itself in the minutes after an import.
            postgres.query(&url, "VACUUM ANALYZE").unwrap();
            postgres.query(&url, "CHECKPOINT").unwrap();
            measure_lookups(&url, folder.path(), &settings).await;
        });
    }
}

async fn measure(url: &str, file: &Path, folder: &Path, settings: &Settings) {
    import(url, file);
    measure_lookups(url, folder, settings).await;
}

fn import(url: &str, file: &Path) {
    let started = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_latchkey-store"))
        .args(["--database", url, "customer", "import"])
        .arg(file)
        .status()
        .unwrap();
    assert!(status.success());
    println!(
        "  import            {:.0} s",
        started.elapsed().as_secs_f64()
    );
}

async fn measure_lookups(url: &str, folder: &Path, settings: &Settings) {
    let (process, address) = serve(url, folder);
    let load = Load {
        address,
        token: TOKEN,
        customers: settings.customers,
        connections: settings.connections,
        rate: settings.rate,
    };
    // The caches of a service that has run for a while, and each connection opened.
    load.run(Duration::from_secs(settings.seconds / 4 + 1))
        .await;
    let before = Memory::of(process.id());
    let duration = Duration::from_secs(settings.seconds);
    let half = async {
        tokio::time::sleep(duration / 2).await;
        Memory::of(process.id())
    };
    let (latencies, half) = tokio::join!(load.run(duration), half);
    let after = Memory::of(process.id());
    println!(
        "  lookups           {} at {}/s over {} connections, {} failed",
        latencies.count(),
        settings.rate,
        settings.connections,
        latencies.failed
    );
    for (name, share) in [
        ("p50", 0.5),
        ("p90", 0.9),
        ("p99", 0.99),
        ("p99.9", 0.999),
        ("longest", 1.0),
    ] {
        println!(
            "  {name:<17} {:.2} ms",
            latencies.quantile(share).as_secs_f64() * 1000.0
        );
    }
    println!("  memory            {before} before, {half} halfway, {after} after");
    let repository = repository::open(url, Missing::IsAnError).await.unwrap();
    let plan = lookup_plan(&*repository, url).await;
    for line in &plan {
        println!("  plan              {line}");
    }
    assert_eq!(whole_table(&plan), None);
    assert_eq!(
        latencies.failed, 0,
        "every lookup is answered with a record"
    );
}

fn serve(url: &str, folder: &Path) -> (Process, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey-store"));
    command
        .args(["--database", url, "serve", "--listen", "127.0.0.1:0"])
        .env("LATCHKEY_SERVICE_TOKENS", TOKEN);
    let mut process = Process::spawn("latchkey-store", command, &folder.join("store.log")).unwrap();
    let address = wait_for(|| {
        process.check().unwrap();
        let log = process.log();
        log.lines()
            .find_map(|line| line.strip_prefix("listening on http://")?.parse().ok())
    });
    (process, address.expect("the store never listened"))
}
