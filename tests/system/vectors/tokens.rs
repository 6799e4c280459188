//! Every example of a token, to both workers, and to `jwt_authn`.

use latchkey_tests::vectors::{TokenFile, TokenVector, token_files};
use latchkey_tests::wait::until;
use latchkey_tests::{Connection, Exchange, Machines, Request, Response, now};
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::lab::LAB;

/// All examples with what became of them.
pub struct Run {
    pub files: Vec<(TokenFile, Vec<Results>)>,
    before: Machines,
    after: Machines,
}

/// What one example got.
pub struct Results {
    /// From the filter, twice per worker.
    ours: Vec<Exchange>,
    /// The path it asked for, which no other example did.
    path: String,
    /// From `jwt_authn`.
    pub native: Response,
}

/// One run that all tests here look at.
pub static RUN: LazyLock<Run> = LazyLock::new(|| {
    let mut workers: BTreeMap<String, Vec<Connection>> = BTreeMap::new();
    for name in LAB.known.configurations.keys() {
        let connections = LAB
            .stack
            .envoy
            .connection_to_each_worker_at(LAB.address(&format!("ours-{name}")));
        workers.insert(
            name.clone(),
            connections.unwrap_or_else(|error| panic!("{error:#}")),
        );
    }
    let before = LAB.stack.envoy.machines();
    let mut number = 0;
    let mut run = |vector: &TokenVector| {
        number += 1;
        let path = format!("/vectors/{number}");
        let request = request(&path, vector);
        let connections = workers.get_mut(&vector.configuration);
        let connections = connections.expect("a configuration").iter_mut();
        // Twice over each, since a token that a worker has seen before may take another way through the filter.
        let twice = |connection: &mut Connection| {
            [(), ()].map(|()| LAB.stack.send_over(connection, request.clone()))
        };
        let native = LAB.address(&format!("native-{}", vector.configuration));
        Results {
            ours: connections.flat_map(twice).collect(),
            native: LAB.stack.send_to(native, request).response,
            path,
        }
    };
    let with_results = |file: TokenFile| {
        let results = file.vectors.iter().map(&mut run).collect();
        (file, results)
    };
    Run {
        files: token_files().into_iter().map(with_results).collect(),
        before,
        after: LAB.stack.envoy.machines(),
    }
});

fn request(path: &str, vector: &TokenVector) -> Request {
    let values = LAB
        .known
        .authorization(&vector.authorization, &vector.recipe, now());
    values.iter().fold(Request::get(path), |request, value| {
        request.header("authorization", value)
    })
}

fn each(mut check: impl FnMut(&TokenVector, &Results) -> Result<(), String>) {
    let mut wrong = Vec::new();
    for (file, results) in &RUN.files {
        for (vector, results) in file.vectors.iter().zip(results) {
            if let Err(error) = check(vector, results) {
                wrong.push(format!("{} {}: {error}", file.rule, vector.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn d13_d14_d15_d16_a_refused_token_never_reaches_the_upstream_and_an_accepted_one_always_does() {
    each(|vector, results| {
        let status = match vector.expect.as_str() {
            "valid_token" => 200,
            "insufficient_scope" => 403,
            _ => 401,
        };
        for exchange in &results.ours {
            let got = (exchange.response.status, exchange.upstream.len());
            if got != (status, usize::from(vector.is_accepted())) {
                return Err(format!("{got:?}, not {status}: {:?}", exchange.response));
            }
        }
        Ok(())
    });
}

#[test]
fn d13_d14_d15_d16_the_access_log_names_the_reason_of_each_example() {
    let total: usize = RUN.files.iter().map(|(file, _)| file.vectors.len()).sum();
    let reasons = || {
        let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in LAB.access_log() {
            // Of other tests there are other paths.
            let path = entry["path"]
                .as_str()
                .filter(|path| path.starts_with("/vectors/"));
            // `jwt_authn` gives none.
            if let (Some(path), Some(reason)) = (path, entry["reason"].as_str()) {
                reasons
                    .entry(path.to_owned())
                    .or_default()
                    .push(reason.to_owned());
            }
        }
        reasons
    };
    until("every example is in the access log", || {
        let reasons = reasons();
        reasons.len() == total && reasons.values().all(|all| all.len() == 4)
    });
    let reasons = reasons();
    each(|vector, results| {
        let got = &reasons[&results.path];
        match got.iter().all(|reason| *reason == vector.expect) {
            true => Ok(()),
            false => Err(format!("{got:?}, not {}", vector.expect)),
        }
    });
}

#[test]
fn d19_no_example_makes_a_virtual_machine_trap_or_reload() {
    assert_eq!(RUN.before, RUN.after);
}

#[test]
fn jwt_authn_lets_good_tokens_through_so_that_its_refusals_mean_something() {
    each(|vector, results| {
        let plain =
            vector.name.starts_with("as everyone sends it") || vector.name == "as it is issued";
        match plain && results.native.status != 200 {
            true => Err(format!("{:?}", results.native)),
            false => Ok(()),
        }
    });
}
