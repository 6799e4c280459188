//! What the contract asks of a service, one by one.

use crate::Settings;
use crate::client::{Client, Reply};
use crate::explain;
use anyhow::Result;
use latchkey_core::lookup::reply::{Found, read};
use std::time::Duration;

/// Nobody's code, whoever's service it is.
const NOBODY: &str = "latchkey-check-nobody-4f0c1d9e";
const ROUNDS: usize = 20;

pub(crate) enum Verdict {
    Well,
    Note(String),
    Wrong(String),
}

/// Every check with its name, in order.
pub(crate) async fn run(client: &Client, settings: &Settings) -> Vec<(String, Verdict)> {
    let known = &settings.client;
    let mut verdicts = vec![(
        format!("the record of {known} is one that the filter reads"),
        record(client.ask(known).await, settings),
    )];
    let mut check = |what: &str, verdict| verdicts.push((what.to_owned(), verdict));
    check(
        "an unknown customer is answered with 404",
        not_found(client.ask(NOBODY).await),
    );
    check(
        "the letter case of a code counts",
        not_found(client.ask(&other_case(known)).await),
    );
    for (what, code) in odd_codes(known) {
        check(
            &format!("a client_id with {what} is answered with 404"),
            not_found(client.ask(&code).await),
        );
    }
    if client.has_credential() {
        check(
            "who brings no credential is refused",
            refused(client.ask_without_credential(known).await),
        );
        check(
            "who brings a wrong credential is refused",
            refused(client.ask_with_wrong_credential(known).await),
        );
    } else {
        let note = "no credential was given (LATCHKEY_LOOKUP_TOKEN or --header): whoever reaches the service can read all hashes";
        check("only the filter may ask", Verdict::Note(note.to_owned()));
    }
    check(
        "answers come in time, on a connection that is kept",
        in_time(client, settings).await,
    );
    verdicts
}

/// What any caller can send as `client_id`, and must get the same answer for as for an unknown code.
fn odd_codes(known: &str) -> [(&'static str, String); 9] {
    [
        ("a slash", format!("x/{known}")),
        ("a parent folder", format!("../{known}")),
        ("a space", format!("{known} ")),
        ("a percent sign", format!("{known}%20")),
        ("a question mark", format!("{known}?x=1")),
        ("a wildcard", "*".to_owned()),
        ("a quotation mark", format!("{known}'--")),
        ("a letter outside ASCII", "Ä".to_owned()),
        ("a NUL", format!("{known}\0")),
    ]
}

fn record(reply: Result<Reply>, settings: &Settings) -> Verdict {
    let reply = match reply {
        Ok(reply) => reply,
        Err(error) => return Verdict::Wrong(format!("{error:#}")),
    };
    let status = reply.status.to_string();
    match read(&reply.answer(&status), &settings.record, &settings.client) {
        Ok(Found::Record(record)) => match explain::oddities(&record) {
            oddities if oddities.is_empty() => Verdict::Well,
            oddities => Verdict::Wrong(oddities.join("\n")),
        },
        Ok(Found::Unknown) => {
            Verdict::Wrong("found 404: the service does not know this customer".to_owned())
        }
        Err(_) => Verdict::Wrong(explain::why_not(&reply, &settings.record, &settings.client)),
    }
}

fn not_found(reply: Result<Reply>) -> Verdict {
    match reply {
        Ok(reply) if reply.status == 404 => Verdict::Well,
        Ok(reply) => Verdict::Wrong(format!(
            "found {}, expected 404; for any other answer the filter tells its caller 503, that the service is down",
            reply.status
        )),
        Err(error) => Verdict::Wrong(format!("{error:#}")),
    }
}

fn refused(reply: Result<Reply>) -> Verdict {
    match reply {
        Ok(reply) if matches!(reply.status, 401 | 403) => Verdict::Well,
        Ok(reply) if reply.status == 404 => Verdict::Wrong(
            "found 404, expected 401 or 403; a filter with a wrong credential would tell every customer that theirs is wrong"
                .to_owned(),
        ),
        Ok(reply) => Verdict::Wrong(format!("found {}, expected 401 or 403", reply.status)),
        Err(error) => Verdict::Wrong(format!("{error:#}")),
    }
}

async fn in_time(client: &Client, settings: &Settings) -> Verdict {
    let mut longest = Duration::ZERO;
    for _ in 0..ROUNDS {
        match client.ask(&settings.client).await {
            Ok(reply) => longest = longest.max(reply.took),
            Err(error) => return Verdict::Wrong(format!("{error:#}")),
        }
    }
    let limit = settings.timeout_ms;
    Verdict::Note(format!(
        "the longest of {ROUNDS} took {} ms; the filter waits {limit} ms",
        longest.as_millis()
    ))
}

/// The code with its first letter in the other case; nobody's code where it has none.
fn other_case(code: &str) -> String {
    let Some(index) = code.find(|letter: char| letter.is_ascii_alphabetic()) else {
        return NOBODY.to_owned();
    };
    let mut bytes = code.as_bytes().to_vec();
    bytes[index] ^= 0x20;
    String::from_utf8(bytes).unwrap_or_else(|_| NOBODY.to_owned())
}
