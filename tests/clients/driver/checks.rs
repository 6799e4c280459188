//! What every client has to do.

use anyhow::{Context, Result, ensure};
use latchkey_tests::wait::wait_for;
use latchkey_tests::{Request, wait};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use crate::catalog::{Client, Credentials, PlainHttp, Renewal};
use crate::program::Program;
use crate::site::{Logged, Site};
use crate::table::Row;

/// Tokens live as long as customers are told.
static HOUR: LazyLock<Site> = LazyLock::new(|| site(3600));

/// Tokens live only just long enough for a slow machine to use them.
static BRIEF: LazyLock<Site> = LazyLock::new(|| site(BRIEF_TTL));
const BRIEF_TTL: u32 = 5;

/// Tokens live less than five minutes: who renews so early takes a new one for each read.
static UNDER_FIVE_MINUTES: LazyLock<Site> = LazyLock::new(|| site(290));

/// What form-decoding would change, and what it cannot decode; no key that Latchkey issues is like this.
const IMPORTED_KEY: &str = "50%+a%2Bb%zz";

fn site(ttl_seconds: u32) -> Site {
    Site::start(ttl_seconds).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Runs a client through everything; the first failure ends it.
pub fn check(client: &Client) -> Result<Row> {
    let customer = HOUR.stack.customer();
    let (code, key) = (&*customer.code, &*customer.key.secret);
    wrong_key(client, code).context("with a wrong key")?;
    let protocol = one_token_for_an_hour(client, code, key)
        .context("after that, with the right key, reading twice")?;
    renews_in_time(client).context("reading twice in a row")?;
    recovers(client).context("with a token that has expired")?;
    imported_key(client).context("with an imported key that holds % and +")?;
    let mut protocols = BTreeSet::from([protocol]);
    protocols.extend(plain_http(client).context("without TLS")?);
    Row::new(client, protocols)
}

/// One token request, or two where the client probes, answered 401; the client says so in its own words.
fn wrong_key(client: &Client, code: &str) -> Result<()> {
    let wrong = (code, "lk_this_is_not_the_key");
    let said = Program::start(client, &HOUR, HOUR.https(), wrong, None)?.fail()?;
    for words in client.refusal {
        ensure!(said.contains(words), "it does not say `{words}`:\n{said}");
    }
    let attempts = requests(
        &HOUR,
        code,
        |logged| logged.path == "/auth/token",
        client.attempts,
    )?;
    ensure!(
        attempts.len() == client.attempts && attempts.iter().all(|logged| logged.status == 401),
        "expected {} requests answered 401: {attempts:#?}",
        client.attempts
    );
    Ok(())
}

/// Both reads with one token, and one token request. Nothing is left of the failures before.
fn one_token_for_an_hour(client: &Client, code: &str, key: &str) -> Result<String> {
    let mut program = Program::start(client, &HOUR, HOUR.https(), (code, key), None)?;
    let tokens = [program.read()?, program.read()?];
    program.finish()?;
    ensure!(tokens[0] == tokens[1], "the second read took a new token");
    let reads = requests(&HOUR, code, is_read, 2)?;
    let issued = HOUR.logged(code).into_iter();
    let issued: Vec<Logged> = issued
        .filter(|logged| logged.path == "/auth/token" && logged.status != 401)
        .collect();
    ensure!(
        issued.len() == 1 && issued[0].status == 200,
        "expected one token request: {issued:#?}"
    );
    ensure!(
        issued[0].basic().is_none() == (client.credentials == Credentials::Body),
        "the credentials came another way: {issued:#?}"
    );
    Ok(reads[0].protocol.clone())
}

/// Two reads with one token, or with two where the client renews so early that no token is old enough.
fn renews_in_time(client: &Client) -> Result<()> {
    let (site, early) = match client.renewal {
        Renewal::Early(seconds) if seconds < 290 => (&*BRIEF, true),
        Renewal::Early(_) => (&*UNDER_FIVE_MINUTES, true),
        Renewal::AtExpiry | Renewal::AfterRefusal => (&*BRIEF, false),
    };
    let customer = site.stack.customer();
    let credentials = (&*customer.code, &*customer.key.secret);
    let mut program = Program::start(client, site, site.https(), credentials, None)?;
    let tokens = [program.read()?, program.read()?];
    program.finish()?;
    let when = client.renewal.words();
    ensure!(
        (tokens[0] != tokens[1]) == early,
        "it does not ask for a new token {when}"
    );
    Ok(())
}

/// Reads, and again when the token has expired.
fn recovers(client: &Client) -> Result<()> {
    let customer = BRIEF.stack.customer();
    let credentials = (&*customer.code, &*customer.key.secret);
    let mut program = Program::start(client, &BRIEF, BRIEF.https(), credentials, None)?;
    let expired = program.read()?;

    // The client counts from when the token came, in whole seconds.
    let read = Instant::now();
    let lifetime = Duration::from_secs(u64::from(BRIEF_TTL) + 1);
    wait::until("the client's clock says that the token has expired", || {
        read.elapsed() > lifetime
    });
    let old = Request::get("/products").bearer(&expired);
    let refused = BRIEF.stack.send(old).response;
    ensure!(refused.status == 401, "it has not expired: {refused:?}");

    let new = program.read()?;
    program.finish()?;
    ensure!(new != expired, "the old token was taken again");
    let reads = requests(&BRIEF, &customer.code, is_read, 2)?;
    let refused = BRIEF.logged(&customer.code).into_iter();
    // One of them is ours.
    let refused = refused.filter(|logged| logged.status == 401).count() - 1;
    let expected = usize::from(client.renewal == Renewal::AfterRefusal);
    ensure!(
        refused == expected && reads.len() == 2,
        "{refused} refusals, expected {expected}"
    );
    Ok(())
}

/// A key in which `%` and `+` stand for themselves.
fn imported_key(client: &Client) -> Result<()> {
    let code = client.name.to_uppercase();
    HOUR.import(&code, IMPORTED_KEY)?;
    let credentials = (&*code, IMPORTED_KEY);
    let mut program = Program::start(client, &HOUR, HOUR.https(), credentials, None)?;
    program.read()?;
    program.finish()?;
    let token = |logged: &Logged| logged.path == "/auth/token" && logged.status == 200;
    let requests = requests(&HOUR, &code, token, 1)?;
    let sent = requests[0].basic();
    let raw = format!("{code}:{IMPORTED_KEY}");
    let credentials = match sent {
        None => Credentials::Body,
        Some(sent) if sent == raw => Credentials::BasicRaw,
        Some(_) => Credentials::BasicEncoded,
    };
    ensure!(
        credentials == client.credentials,
        "it sends {} instead of {}",
        credentials.words(),
        client.credentials.words()
    );
    Ok(())
}

/// The protocol, where the client can be had to do without TLS at all.
fn plain_http(client: &Client) -> Result<Option<String>> {
    let customer = HOUR.stack.customer();
    let credentials = (&*customer.code, &*customer.key.secret);
    let variable = match client.plain_http {
        PlainHttp::With(variable) => Some(variable),
        _ => None,
    };
    let mut program = Program::start(client, &HOUR, &HOUR.http(), credentials, variable)?;
    if let PlainHttp::Refused(words) = client.plain_http {
        let said = program.fail()?;
        ensure!(said.contains(words), "it does not say `{words}`:\n{said}");
        return Ok(None);
    }
    program.read()?;
    program.finish()?;
    let reads = requests(&HOUR, &customer.code, is_read, 1)?;
    Ok(Some(reads[0].protocol.clone()))
}

fn is_read(logged: &Logged) -> bool {
    logged.path == "/products" && logged.status == 200
}

/// A customer's requests of one kind, once so many are in the log.
fn requests(
    site: &Site,
    code: &str,
    kind: impl Fn(&Logged) -> bool,
    count: usize,
) -> Result<Vec<Logged>> {
    wait_for(|| {
        let logged: Vec<Logged> = site.logged(code).into_iter().filter(&kind).collect();
        (logged.len() >= count).then_some(logged)
    })
    .with_context(|| format!("{count} requests expected: {:#?}", site.logged(code)))
}
