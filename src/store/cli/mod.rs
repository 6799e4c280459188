//! The command line: `serve` for the operator, the rest for the account manager.

mod confirm;
mod customer;
mod error;
mod key;
mod output;
mod serve;

pub use error::Error;

use crate::clock;
use crate::repository::{self, Repository, Stamp};
use clap::{Args, Parser, Subcommand};
use output::Output;
use std::process::ExitCode;
use std::sync::Arc;

/// Credential store for Latchkey: customers, their API Keys, and the lookup service that the filter asks.
#[derive(Parser)]
#[command(name = "latchkey-store", version, after_help = error::EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Global {
    /// The database: sqlite:PATH (made if missing) or postgres://USER@HOST/DATABASE
    #[arg(
        long,
        global = true,
        env = "LATCHKEY_DATABASE_URL",
        value_name = "URL",
        default_value = "sqlite:latchkey.db",
        hide_env_values = true
    )]
    database: String,
    /// Who is named in the audit table as having made a change [default: the user of the operating system]
    #[arg(long, global = true, env = "LATCHKEY_ACTOR", value_name = "NAME")]
    actor: Option<String>,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the lookup service
    Serve(serve::Serve),
    /// Add, show, enable and disable customers
    #[command(subcommand)]
    Customer(customer::Command),
    /// Issue, list and revoke API Keys
    #[command(subcommand)]
    Key(key::Command),
}

/// What every command gets.
struct Context {
    repository: Arc<dyn Repository>,
    stamp: Stamp,
    output: Output,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return Error::from(error).report(),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}

async fn run(cli: Cli) -> Result<(), Error> {
    let repository = repository::open(&cli.global.database).await?;
    repository.migrate().await?;
    let context = Context {
        repository,
        stamp: Stamp {
            actor: actor(cli.global.actor),
            at: clock::now(),
        },
        output: Output {
            json: cli.global.json,
        },
    };
    match cli.command {
        Command::Serve(command) => command.run(context.repository).await,
        Command::Customer(command) => command.run(&context).await,
        Command::Key(command) => command.run(&context).await,
    }
}

fn actor(named: Option<String>) -> String {
    named
        .or_else(|| whoami::username().ok())
        .unwrap_or_else(|| "unknown".to_owned())
}
