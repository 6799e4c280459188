//! Tokens by the thousand, judged by the core and by joserfc, which shares no line with it (RFC 7515, RFC 7519). Where they do not
//! agree, `kinds.yaml` says why.

mod corpus;
#[path = "../core/desk.rs"]
mod desk;
mod random;

use corpus::{Disagreement, Kind, kinds};
use desk::{NOW, ask, authorization, engine};
use latchkey_core::{Action, Engine};
use latchkey_tests::docs::assert_generated;
use latchkey_tests::files;
use latchkey_tests::vectors::Configurations;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

/// One token, and what both say to it.
struct Case<'a> {
    kind: &'a Kind,
    token: Vec<u8>,
    /// The filter's word, and the Customer Code where it accepts.
    latchkey: (String, Option<String>),
    /// `accepted` or the exception, and the subject.
    joserfc: (String, Option<String>),
}

#[test]
fn d13_d14_d15_d16_the_core_and_joserfc_agree_on_thousands_of_tokens_but_for_what_is_explained() {
    let kinds = kinds();
    let cases = judged(&kinds);
    let distinct: HashSet<&[u8]> = cases.iter().map(|case| &case.token[..]).collect();
    assert!(distinct.len() >= 5000, "only {} tokens", distinct.len());

    let mut wrong = Vec::new();
    let mut met: BTreeMap<*const Disagreement, usize> = BTreeMap::new();
    for case in &cases {
        let ((ours, customer), (theirs, subject)) = (&case.latchkey, &case.joserfc);
        if customer.is_some() == subject.is_some() {
            assert_eq!(customer, subject, "{}", case.shown());
            continue;
        }
        let explained = |one: &&Disagreement| one.latchkey == *ours && one.joserfc == *theirs;
        match case.kind.disagree.iter().find(explained) {
            Some(one) => *met.entry(one).or_default() += 1,
            None => wrong.push(case.shown()),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} unexplained:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(9)].join("\n")
    );
    for kind in &kinds {
        for one in &kind.disagree {
            assert!(
                met.contains_key(&(one as *const _)),
                "no longer seen: {}, {}",
                kind.kind,
                one.because
            );
        }
    }
    assert_generated(
        "reliability.md",
        "oracle",
        &report(&kinds, &cases, &distinct, &met),
    );
}

/// Every token with what both say.
fn judged(kinds: &[Kind]) -> Vec<Case<'_>> {
    let known = Configurations::load();
    let mut engines: BTreeMap<&str, Engine> = BTreeMap::new();
    let mut cases = Vec::new();
    for kind in kinds {
        let configuration = &known.configurations[&kind.configuration];
        let engine = engines
            .entry(&kind.configuration)
            .or_insert_with(|| engine(&known, configuration));
        for token in kind.tokens(&known, NOW) {
            cases.push(Case {
                kind,
                latchkey: by_the_core(engine, &token),
                joserfc: (String::new(), None),
                token,
            });
        }
    }
    let answers = by_joserfc(&known, &cases);
    assert_eq!(
        answers.len(),
        cases.len(),
        "joserfc did not judge every token"
    );
    for (case, answer) in cases.iter_mut().zip(answers) {
        case.joserfc = match answer.split_once(' ') {
            Some((word, subject)) => (
                word.to_owned(),
                Some(serde_json::from_str(subject).unwrap()),
            ),
            None => (answer, None),
        };
    }
    cases
}

fn by_the_core(engine: &mut Engine, token: &[u8]) -> (String, Option<String>) {
    let bearer = [b"Bearer ", token].concat();
    match ask(engine, "GET", "/products", &authorization(vec![bearer])) {
        Action::Pass(pass) => {
            let customer = pass.outcome().customer.as_deref().map(str::to_owned);
            (pass.outcome().reason.as_str().to_owned(), customer)
        }
        Action::Reply(reply) => (reply.outcome.reason.as_str().to_owned(), None),
        other => panic!("{other:?}"),
    }
}

fn by_joserfc(known: &Configurations, cases: &[Case<'_>]) -> Vec<String> {
    let python = files::target_folder().join("clients/python/bin/python");
    let mut judge = Command::new(&python)
        .arg(files::checkout().join("tests/oracle/judge.py"))
        .args([NOW.to_string(), rings(known).to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}: run tests/toolchain/clients.sh first",
                python.display()
            )
        });
    let mut lines = String::new();
    for case in cases {
        let hex: String = case
            .token
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        writeln!(lines, "{} {hex}", case.kind.configuration).unwrap();
    }
    // It writes while it reads, and a pipe holds only so much.
    let mut input = judge.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = judge.wait_with_output().unwrap();
    writer.join().expect("the lines are written").unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The keys of the configurations, as the judge takes them.
fn rings(known: &Configurations) -> Value {
    let mut rings = serde_json::Map::new();
    for name in ["single", "ring"] {
        let keys = known.configurations[name]["keys"].as_array().unwrap();
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| {
                let secret = &known.secrets[key["secret"]["env"].as_str().unwrap()];
                json!({"kid": key["kid"], "alg": key["alg"], "secret": secret})
            })
            .collect();
        rings.insert(name.to_owned(), keys.into());
    }
    rings.into()
}

impl Case<'_> {
    fn shown(&self) -> String {
        let token = self.token.escape_ascii();
        let (ours, theirs) = (&self.latchkey.0, &self.joserfc.0);
        format!(
            "{}: Latchkey {ours}, joserfc {theirs}: {token:.400}",
            self.kind.kind
        )
    }
}

/// What the page says.
fn report(
    kinds: &[Kind],
    cases: &[Case<'_>],
    distinct: &HashSet<&[u8]>,
    met: &BTreeMap<*const Disagreement, usize>,
) -> String {
    let both = |accept: bool| {
        let agree = |case: &&Case<'_>| {
            [&case.latchkey.1, &case.joserfc.1]
                .iter()
                .all(|one| one.is_some() == accept)
        };
        cases.iter().filter(agree).count()
    };
    let differ: usize = met.values().sum();
    let mut text = format!(
        "{} tokens of {} kinds, {} of them distinct. Both accept {}, both refuse {}, and they differ on {differ}:\n\n\
         | kind | tokens | Latchkey | joserfc | why |\n|---|---:|---|---|---|\n",
        cases.len(),
        kinds.len(),
        distinct.len(),
        both(true),
        both(false),
    );
    for kind in kinds {
        for one in &kind.disagree {
            let Disagreement {
                latchkey,
                joserfc,
                because,
            } = one;
            let count = met[&(one as *const _)];
            writeln!(
                text,
                "| {} | {count} | `{latchkey}` | `{joserfc}` | {because} |",
                kind.kind
            )
            .unwrap();
        }
    }
    text
}
