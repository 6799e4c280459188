//! `make run`: what it prints works, and it leaves nothing running.

use latchkey_tests::process::Process;
use latchkey_tests::{files, token_request, wait};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The demo, on ports that the system chooses.
struct Demo {
    process: Process,
    folder: PathBuf,
}

impl Demo {
    fn start(folder: PathBuf) -> Self {
        let process = Process::spawn("demo", command(&folder), &folder.join("screen")).unwrap();
        let mut demo = Self { process, folder };
        wait::until("the demo is ready", || {
            demo.process
                .check()
                .unwrap_or_else(|error| panic!("{error}"));
            demo.screen().contains("Ctrl-C stops everything.")
        });
        demo
    }

    fn screen(&self) -> String {
        self.process.log()
    }

    /// The values of `demo.env`.
    fn values(&self) -> HashMap<String, String> {
        let text = fs::read_to_string(self.folder.join("demo.env")).unwrap();
        let pairs = text.lines().map(|line| line.split_once('=').unwrap());
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Every address on the screen.
    fn addresses(&self) -> Vec<SocketAddr> {
        let screen = self.screen();
        let hosts = screen.split("http://").skip(1).filter_map(|rest| {
            rest.split(|byte: char| !byte.is_ascii_digit() && byte != '.' && byte != ':')
                .next()
        });
        hosts.filter_map(|host| host.parse().ok()).collect()
    }

    /// Its exit status, once it has ended.
    fn end(&mut self) -> ExitStatus {
        let status = wait::wait_for(|| self.process.exit());
        status.unwrap_or_else(|| panic!("the demo does not end:\n{}", self.screen()))
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command
        .env("LATCHKEY_PORT", "0")
        .env("LATCHKEY_ADMIN_PORT", "0")
        .env("LATCHKEY_VAR", folder);
    command
}

fn send(signal: Signal, process: u32) {
    kill(Pid::from_raw(process.try_into().unwrap()), signal).unwrap();
}

/// The child of a process whose program has this name.
fn child(parent: u32, program: &str) -> u32 {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let stats = processes.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    // `12 (name) S 11 …`: its id, its name, its state, its parent's id.
    let ours = |stat: &String| {
        stat.contains(&format!("({program}) "))
            && stat.split(' ').nth(3) == Some(&parent.to_string())
    };
    let mut found = stats.filter(ours);
    let stat = found
        .next()
        .unwrap_or_else(|| panic!("process {parent} has no child {program}"));
    stat.split(' ').next().unwrap().parse().unwrap()
}

fn assert_all_gone(addresses: &[SocketAddr]) {
    assert!(addresses.len() >= 4, "{addresses:?}");
    for address in addresses {
        wait::until(&format!("nobody listens on {address}"), || {
            TcpStream::connect(address).is_err()
        });
    }
}

#[test]
fn every_line_to_try_works_when_pasted() {
    let demo = Demo::start(files::run_folder().unwrap());
    let screen = demo.screen();
    let (_, lines) = screen.split_once("Try, in another terminal:").unwrap();
    let script: Vec<&str> = lines
        .lines()
        .filter(|line| line.starts_with("  "))
        .collect();
    let output = Command::new("bash")
        .args(["-ec", &script.join("\n")])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains(r#""token_type":"Bearer""#), "{printed}");
    assert!(printed.contains("HTTP/1.1 200 OK"), "{printed}");
    assert!(printed.contains("x-customer-code: ACME01"), "{printed}");
    assert!(printed.contains("HTTP/1.1 401 Unauthorized"), "{printed}");
}

#[test]
fn the_values_for_scripts_are_readable_by_their_owner_only_and_open_the_api() {
    let demo = Demo::start(files::run_folder().unwrap());
    let values = demo.values();
    assert_eq!(values["CLIENT_ID"], "ACME01");
    assert_eq!(
        values["TOKEN_URL"],
        format!("{}/auth/token", values["API_URL"])
    );
    for secret in ["demo.env", "signing.key", "service.token"] {
        let mode = fs::metadata(demo.folder.join(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let api = values["API_URL"]
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let response = token_request("ACME01", &values["CLIENT_SECRET"])
        .send(api)
        .unwrap();
    assert_eq!(response.status, 200, "{response:?}");
}

#[test]
fn ctrl_c_stops_everything_and_a_second_run_goes_on_with_the_same_customer_and_key() {
    let folder = files::run_folder().unwrap();
    let mut first = Demo::start(folder.clone());
    let (addresses, key) = (first.addresses(), first.values()["CLIENT_SECRET"].clone());
    send(Signal::SIGINT, first.process.id());
    assert!(first.end().success(), "{}", first.screen());
    assert_all_gone(&addresses);

    let second = Demo::start(folder);
    assert_eq!(second.values()["CLIENT_SECRET"], key);
}

#[test]
fn a_demo_that_is_killed_leaves_no_process_behind() {
    let demo = Demo::start(files::run_folder().unwrap());
    let addresses = demo.addresses();
    send(Signal::SIGKILL, demo.process.id());
    assert_all_gone(&addresses);
}

#[test]
fn a_part_that_dies_is_named_with_its_last_lines_and_ends_the_rest() {
    for part in ["latchkey-store", "envoy"] {
        let mut demo = Demo::start(files::run_folder().unwrap());
        let addresses = demo.addresses();
        send(Signal::SIGKILL, child(demo.process.id(), part));
        let status = demo.end();
        assert!(!status.success());
        let screen = demo.screen().to_lowercase();
        assert!(
            screen.contains(&format!("error: {part} ended by itself")),
            "{screen}"
        );
        assert!(screen.contains("its last lines"), "{screen}");
        assert_all_gone(&addresses);
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_the_variable_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = files::run_folder().unwrap();
    for variable in ["LATCHKEY_PORT", "LATCHKEY_ADMIN_PORT"] {
        let output = command(&folder).env(variable, &port).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(error.contains(&port) && error.contains(variable), "{error}");
    }
}
