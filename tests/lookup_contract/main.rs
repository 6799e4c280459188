//! Does a service keep the lookup contract? Asks it as the filter would, and reads its answers with the filter's own
//! reader. `make check-lookup URL=… CLIENT=…`

mod checks;
mod client;
mod explain;

use checks::Verdict;
use clap::Parser;
use client::Client;
use std::env;
use std::process::ExitCode;
use std::time::Duration;

/// Checks a lookup service against the lookup contract, which docs/lookup.md describes.
///
/// The service's credential comes from the environment: LATCHKEY_LOOKUP_TOKEN is sent as `authorization: Bearer …`;
/// other headers are named with --header.
#[derive(Parser)]
#[command(
    name = "check-lookup",
    after_help = "Exit codes: 0 all is well, 1 something is not, 2 wrong command line"
)]
pub(crate) struct Settings {
    /// Where records are, with {client_id} in the place of the Customer Code
    #[arg(long)]
    url: String,
    /// A customer that the service knows
    #[arg(long)]
    client: String,
    /// The JSON Pointer to the record inside the reply, as in the filter's configuration
    #[arg(long, default_value = "")]
    record: String,
    /// A header and the environment variable that holds its value, for example x-vault-token=VAULT_TOKEN
    #[arg(long, value_name = "NAME=VARIABLE")]
    header: Vec<String>,
    /// How long the filter waits for an answer
    #[arg(long, default_value_t = 500)]
    timeout_ms: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    let client = match headers(&settings).and_then(|headers| {
        Client::new(
            &settings.url,
            headers,
            Duration::from_millis(settings.timeout_ms),
        )
    }) {
        Ok(client) => client,
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::from(2);
        }
    };
    let mut wrong = 0;
    for (what, verdict) in checks::run(&client, &settings).await {
        match verdict {
            Verdict::Well => println!("ok    {what}"),
            Verdict::Note(note) => println!("note  {what}\n      {note}"),
            Verdict::Wrong(why) => {
                wrong += 1;
                println!("WRONG {what}\n      {}", why.replace('\n', "\n      "));
            }
        }
    }
    match wrong {
        0 => {
            println!("The service keeps the lookup contract.");
            ExitCode::SUCCESS
        }
        _ => {
            println!("{wrong} wrong. docs/lookup.md says what the filter expects.");
            ExitCode::FAILURE
        }
    }
}

fn headers(settings: &Settings) -> anyhow::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    if let Ok(token) = env::var("LATCHKEY_LOOKUP_TOKEN") {
        headers.push(("authorization".to_owned(), format!("Bearer {token}")));
    }
    for pair in &settings.header {
        let Some((name, variable)) = pair.split_once('=') else {
            anyhow::bail!("--header {pair}: expected NAME=VARIABLE");
        };
        match env::var(variable) {
            Ok(value) => headers.push((name.to_owned(), value)),
            Err(_) => {
                anyhow::bail!("--header {pair}: the environment variable {variable} is not set")
            }
        }
    }
    Ok(headers)
}
