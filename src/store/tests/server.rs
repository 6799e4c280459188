//! `latchkey-store serve` as a process: how it starts, what it takes, how it ends.

use crate::databases::{Database, on_both_databases};
use latchkey_tests::process::Process;
use latchkey_tests::wait::{until, wait_for};
use latchkey_tests::{Connection, Request};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::Command;

pub(crate) const TOKEN: &str = "the-service-token-of-these-tests";

on_both_databases![
    it_answers_until_it_is_asked_to_end_and_then_ends_well,
    both_tokens_of_a_rotation_are_admitted,
    json_logs_have_the_request_id_and_no_token,
    a_head_over_the_limits_is_refused,
    an_empty_list_of_tokens_and_open_to_all_agree,
    it_serves_where_nobody_reads_its_output,
];

/// A running service.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the service with more arguments, and waits until it listens.
    pub(crate) fn start(database: &Database, arguments: &[&str]) -> Self {
        let mut command = database.command(&["serve", "--listen", "127.0.0.1:0"]);
        command
            .args(arguments)
            .env("LATCHKEY_SERVICE_TOKENS", TOKEN);
        Self::spawn(database, command)
    }

    pub(crate) fn spawn(database: &Database, command: Command) -> Self {
        let log = database.folder.path().join("store.log");
        let mut process = Process::spawn("latchkey-store", command, &log).unwrap();
        let address = wait_for(|| {
            process.check().unwrap();
            let log = process.log();
            let line = log.lines().find(|line| line.starts_with("listening on "))?;
            line.rsplit('/').next()?.parse().ok()
        });
        Self {
            process,
            address: address.expect("it never listened"),
        }
    }

    /// What the lookup of a client answers.
    pub(crate) fn lookup(&self, client: &str) -> u16 {
        request(client).send(self.address).unwrap().status
    }
}

pub(crate) fn request(client: &str) -> Request {
    Request::get(format!("/v1/clients/{client}")).bearer(TOKEN)
}

async fn it_answers_until_it_is_asked_to_end_and_then_ends_well(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let mut server = Server::start(&database, &[]);
    let mut kept_open = Connection::open(server.address).unwrap();
    assert_eq!(kept_open.send(&request("ACME01")).unwrap().status, 200);

    let id = nix::unistd::Pid::from_raw(server.process.id() as i32);
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    until("it ends", || server.process.exit().is_some());
    assert_eq!(
        server.process.exit().unwrap().code(),
        Some(0),
        "{}",
        server.process.log()
    );
    // The day of the lookup was still written.
    assert!(database.json(&["customer", "show", "ACME01"])["last_lookup_day"].is_string());
}

async fn both_tokens_of_a_rotation_are_admitted(database: Database) {
    database.json(&["customer", "add", "ACME01"]);
    let mut command = database.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env(
        "LATCHKEY_SERVICE_TOKENS",
        "the-old-token-of-the-rotation,the-new-token-of-the-rotation",
    );
    let server = Server::spawn(&database, command);
    for (token, status) in [
        ("the-old-token-of-the-rotation", 200),
        ("the-new-token-of-the-rotation", 200),
        (TOKEN, 401),
    ] {
        let request = Request::get("/v1/clients/ACME01").bearer(token);
        assert_eq!(request.send(server.address).unwrap().status, status);
    }
}

async fn json_logs_have_the_request_id_and_no_token(database: Database) {
    let mut command =
        database.command(&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    command
        .env("LATCHKEY_SERVICE_TOKENS", TOKEN)
        .env("LATCHKEY_LOG", "debug");
    let server = Server::spawn(&database, command);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = request("ACME01")
        .header("x-request-id", "from-envoy")
        .header("traceparent", trace);
    assert_eq!(request.send(server.address).unwrap().status, 404);
    let logged = || -> Option<Value> {
        let log = server.process.log();
        let line = log.lines().find(|line| line.contains("from-envoy"))?;
        Some(serde_json::from_str(line).unwrap())
    };
    let line = wait_for(logged).expect("no log line for the request");
    assert_eq!(
        (&line["status"], &line["trace"]),
        (&404.into(), &trace.into()),
        "{line}"
    );
    assert_eq!(line["route"], "/v1/clients/{client_id}");
    assert!(!server.process.log().contains(TOKEN));
}

async fn a_head_over_the_limits_is_refused(database: Database) {
    let server = Server::start(&database, &[]);
    let long = request("ACME01")
        .header("x-long", "x".repeat(20_000))
        .send(server.address)
        .unwrap();
    assert_eq!(long.status, 431);
    let many = (0..100).fold(request("ACME01"), |request, number| {
        request.header(format!("x-{number}"), "x")
    });
    assert_eq!(many.send(server.address).unwrap().status, 431);
    assert_eq!(server.lookup("ACME01"), 404);
}

#[test]
fn it_does_not_start_open_to_all_unless_told_and_on_loopback() {
    let database = Database::sqlite();
    let serve = |arguments: &[&str]| {
        let output = database
            .command(&["serve", "--listen"])
            .args(arguments)
            .env_remove("LATCHKEY_SERVICE_TOKENS")
            .output();
        let output = output.unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, message) = serve(&["127.0.0.1:0"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("LATCHKEY_SERVICE_TOKENS"), "{message}");
    let (code, message) = serve(&["0.0.0.0:0", "--insecure-no-auth"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("loopback"), "{message}");

    let mut command = database.command(&["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth"]);
    command.env_remove("LATCHKEY_SERVICE_TOKENS");
    let server = Server::spawn(&database, command);
    assert_eq!(
        Request::get("/v1/clients/NOBODY")
            .send(server.address)
            .unwrap()
            .status,
        404
    );
}

#[test]
fn a_port_already_taken_is_named() {
    let database = Database::sqlite();
    let first = Server::start(&database, &[]);
    let address = first.address.to_string();
    let second = database
        .command(&["serve", "--listen", &address])
        .env("LATCHKEY_SERVICE_TOKENS", TOKEN)
        .output();
    let second = second.unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8(second.stderr).unwrap().contains(&address));
}

async fn an_empty_list_of_tokens_and_open_to_all_agree(database: Database) {
    let open = |tokens: &str| {
        let mut command =
            database.command(&["serve", "--listen", "127.0.0.1:0", "--insecure-no-auth"]);
        command.env("LATCHKEY_SERVICE_TOKENS", tokens);
        command
    };
    let server = Server::spawn(&database, open(""));
    assert_eq!(server.lookup("NOBODY"), 404);
    let refused = open(TOKEN).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said.contains("LATCHKEY_SERVICE_TOKENS is set") && !said.contains(TOKEN));
}

async fn it_serves_where_nobody_reads_its_output(database: Database) {
    let (_, unread) = std::io::pipe().unwrap();
    let log = database.folder.path().join("stderr.log");
    let mut child = database
        .command(&["serve", "--listen", "127.0.0.1:0"])
        .env("LATCHKEY_SERVICE_TOKENS", TOKEN)
        .stdout(unread)
        .stderr(std::fs::File::create(log).unwrap())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(child.try_wait().unwrap().is_none(), "it ended");
    child.kill().unwrap();
    child.wait().unwrap();
}
