//! Which tests hold each requirement of `docs/contract.md`, and how they went: read from the output of `cargo test`, where the name of a
//! test begins with the numbers of what it holds.
//!
//! `conformance LOG` prints one line for each requirement and writes all tests to `target/conformance.md`. It fails where a requirement has
//! no test that passed, or one that failed.

use anyhow::{Context, Result, ensure};
use latchkey_tests::files;
use std::env;
use std::fmt::Write;
use std::fs;

/// One test as cargo reported it.
#[derive(Debug, PartialEq)]
struct Outcome<'a> {
    /// The test program.
    program: &'a str,
    name: &'a str,
    /// `ok`, `FAILED` or `ignored`.
    result: &'a str,
}

fn main() -> Result<()> {
    let path = env::args()
        .nth(1)
        .context("usage: conformance LOG, with the output of cargo test in the file LOG")?;
    let log = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
    let contract = fs::read_to_string(files::checkout().join("docs/contract.md"))?;
    let outcomes = outcomes(&log);
    ensure!(
        !outcomes.is_empty(),
        "{path} tells of no test: it should be the output of cargo test"
    );

    let mut table = String::from(
        "# Requirement, test, result\n\nWritten by the last `make test`; the requirements are in docs/contract.md.\n\n| requirement | test | result |\n|---|---|---|\n",
    );
    let mut missing = Vec::new();
    println!("\nrequirement  tests  result");
    for requirement in requirements(&contract) {
        let own: Vec<&Outcome> = outcomes
            .iter()
            .filter(|outcome| holds(outcome.name, requirement))
            .collect();
        let passed = own.iter().filter(|outcome| outcome.result == "ok").count();
        let fine = passed > 0 && own.iter().all(|outcome| outcome.result != "FAILED");
        println!(
            "{requirement:<11}  {:>5}  {}",
            own.len(),
            if fine { "ok" } else { "NOT HELD" }
        );
        if !fine {
            missing.push(requirement);
        }
        for Outcome {
            program,
            name,
            result,
        } in own
        {
            writeln!(table, "| {requirement} | {program}: {name} | {result} |")?;
        }
    }
    let file = files::target_folder().join("conformance.md");
    fs::write(&file, table)?;
    println!("Each test by its name: {}", file.display());
    ensure!(
        missing.is_empty(),
        "no test that passed, or one that failed, for {}",
        missing.join(", ")
    );
    Ok(())
}

/// The numbers in the first column of the contract's tables.
fn requirements(contract: &str) -> Vec<&str> {
    let rows = contract.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter_map(|row| row.split(" |").next())
        .filter(|cell| is_number(cell, ['C', 'D']))
        .collect()
}

/// The tests that `cargo test` reported, each with its program.
fn outcomes(log: &str) -> Vec<Outcome<'_>> {
    let mut program = "";
    let mut outcomes = Vec::new();
    for line in log.lines() {
        // `     Running system/guard.rs (target/debug/deps/guard-0123456789abcdef)`
        if let Some(path) = line
            .trim_start()
            .strip_prefix("Running ")
            .and_then(|rest| rest.split('(').nth(1))
        {
            let file = path.rsplit('/').next().unwrap_or(path);
            program = file.rsplit_once('-').map_or(file, |(name, _)| name);
        }
        // `test module::name ... ok`
        if let Some((name, result)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "))
        {
            let name = name.rsplit("::").next().unwrap_or(name);
            let result = result.split([' ', ',']).next().unwrap_or(result);
            outcomes.push(Outcome {
                program,
                name,
                result,
            });
        }
    }
    outcomes
}

/// Whether a test's name begins with this number, alone or among others: `c3_c4_a_right_key…`.
fn holds(name: &str, requirement: &str) -> bool {
    let numbers = name
        .split('_')
        .take_while(|word| is_number(word, ['c', 'd']));
    numbers
        .into_iter()
        .any(|number| number.eq_ignore_ascii_case(requirement))
}

fn is_number(text: &str, letters: [char; 2]) -> bool {
    text.strip_prefix(letters).is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_holds_every_requirement_its_name_begins_with_and_no_other() {
        for (name, held) in [
            ("c3_c4_a_right_key", vec!["C3", "C4"]),
            ("d10_one_failure", vec!["D10"]),
            ("d1_another_grant_than_c2", vec!["D1"]),
            ("a_c2_in_the_middle", vec![]),
            ("c_d1", vec![]),
        ] {
            let all = ["C2", "C3", "C4", "D1", "D10"];
            let found: Vec<&str> = all
                .into_iter()
                .filter(|number| holds(name, number))
                .collect();
            assert_eq!(found, held, "{name}");
        }
    }

    #[test]
    fn tests_are_read_from_the_output_of_cargo_with_their_program() {
        let log = "     Running unittests lib.rs (target/debug/deps/latchkey_core-01ab)\n\nrunning 2 tests\ntest token::tests::c5_x ... ok\n\
            test d6_y ... FAILED\n     Running system/guard.rs (target/debug/deps/guard-02cd)\ntest c7_z ... ignored, too slow\ntest result: FAILED. 1 passed\n";
        let outcome = |program, name, result| Outcome {
            program,
            name,
            result,
        };
        let expected = [
            outcome("latchkey_core", "c5_x", "ok"),
            outcome("latchkey_core", "d6_y", "FAILED"),
            outcome("guard", "c7_z", "ignored"),
        ];
        assert_eq!(outcomes(log), expected);
    }

    #[test]
    fn requirements_are_the_numbers_in_the_first_column() {
        assert_eq!(
            requirements("| # | x |\n|---|---|\n| C1 | D2 |\n| D19 | a |\ntext C3\n| Cx | |"),
            ["C1", "D19"]
        );
    }
}
