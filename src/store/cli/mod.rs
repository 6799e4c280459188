//! The command line: `serve` for the operator, the rest for the account manager.

mod audit;
mod complete;
mod config;
mod confirm;
mod customer;
mod error;
mod export;
mod import;
mod input;
mod issue;
mod key;
mod keys_file;
mod new_file;
mod output;
mod progress;
mod serve;
mod token;

pub use error::Error;

use crate::clock;
use crate::repository::{self, Missing, Repository, Stamp};
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::CompleteEnv;
use output::Output;
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;

const DATABASE_VARIABLE: &str = "LATCHKEY_DATABASE_URL";
const DATABASE_DEFAULT: &str = "sqlite:latchkey.db";
const ACTOR_MAX: usize = 128;

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
        env = DATABASE_VARIABLE,
        value_name = "URL",
        default_value = DATABASE_DEFAULT,
        hide_env_values = true
    )]
    database: String,
    /// Who is named in the audit table as having made a change [default: the user of the operating system]
    #[arg(long, global = true, env = "LATCHKEY_ACTOR", value_name = "NAME", value_parser = parse_actor)]
    actor: Option<String>,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Stored(Stored),
    /// Check the filter's configuration, or print its JSON Schema
    #[command(subcommand)]
    Config(config::Command),
    /// Look at a token as the filter does
    #[command(subcommand)]
    Token(token::Command),
}

/// What works on the database.
#[derive(Subcommand)]
enum Stored {
    /// Run the lookup service
    Serve(serve::Serve),
    /// Add, show, enable and disable customers
    #[command(subcommand)]
    Customer(customer::Command),
    /// Issue, list and revoke API Keys
    #[command(subcommand)]
    Key(key::Command),
    /// Show who changed what, and when
    Audit(audit::Audit),
    /// Bring the database's schema up to date; every other command does so too
    Migrate,
}

/// What every command gets.
struct Context {
    repository: Arc<dyn Repository>,
    actor: String,
    output: Output,
}

impl Context {
    /// Who makes a change, and when: now, not when the command was typed, since it may have waited for an answer.
    fn stamp(&self) -> Stamp {
        Stamp {
            actor: self.actor.clone(),
            at: clock::now(),
        }
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // Answers and ends here when the shell asks for completions (`source <(COMPLETE=bash latchkey-store)`).
    CompleteEnv::with_factory(Cli::command).complete();
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
    let Cli { global, command } = cli;
    let output = Output { json: global.json };
    let command = match command {
        Command::Config(command) => return command.run(&output),
        Command::Token(command) => return command.run(&output),
        Command::Stored(command) => command,
    };
    let repository = repository::open(&global.database, Missing::IsMade).await?;
    let version = repository.migrate().await?;
    let context = Context {
        repository,
        actor: actor(global.actor),
        output,
    };
    let done = command.run(&context, version).await;
    // SQLite's write-ahead log goes into the file when its last connection is closed.
    context.repository.pool().close().await;
    done
}

impl Stored {
    async fn run(self, context: &Context, version: i64) -> Result<(), Error> {
        match self {
            Self::Serve(command) => command.run(context.repository.clone()).await,
            Self::Customer(command) => command.run(context).await,
            Self::Key(command) => command.run(context).await,
            Self::Audit(command) => command.run(context).await,
            Self::Migrate => context.output.print(&json!({ "schema_version": version }), || {
                format!("The database has schema version {version}, which is what this program knows.")
            }),
        }
    }
}

fn actor(named: Option<String>) -> String {
    named
        .or_else(|| whoami::username().ok())
        .unwrap_or_else(|| "unknown".to_owned())
}

fn parse_actor(name: &str) -> Result<String, String> {
    if name.is_empty() || name.len() > ACTOR_MAX || name.chars().any(char::is_control) {
        return Err(format!(
            "a name has 1 to {ACTOR_MAX} characters and no control characters"
        ));
    }
    Ok(name.to_owned())
}
