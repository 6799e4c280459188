//! `observability/`: the alert rules by promtool, and every query of dashboard and alerts against a real Prometheus that
//! scrapes a real Envoy and real stores.

use crate::compose::COMPOSE;
use crate::{deployed, output, tool};
use latchkey_tests::{Key, files, wait};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

pub(crate) fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(deployed("observability/dashboard.json")).unwrap())
        .unwrap()
}

/// The key of a customer whose keys end soon.
static KEY: LazyLock<Key> = LazyLock::new(|| {
    let store = &COMPOSE.stores[0];
    store.add_customer("METRICS").unwrap();
    store.issue_key_for("METRICS", "3d").unwrap()
});

/// A bit of everything that is counted; returns the token that was issued.
pub(crate) fn traffic() -> String {
    let caller = COMPOSE.caller();
    // On a busy machine a lookup may take longer than the half second that the stack gives it.
    let token = wait::wait_for(|| {
        let reply = caller.ask_for_token("METRICS", &KEY.secret);
        reply.json()["access_token"].as_str().map(str::to_owned)
    });
    let token = token.expect("no token was issued");
    caller.read("/products", &token, &[]);
    caller.ask("/products", &[]);
    caller.ask_for_token("NOBODY", "lk_x");
    token
}

/// Sends traffic until Prometheus has something to answer.
#[track_caller]
fn assert_answers(expression: &str) {
    wait::until(&format!("Prometheus has an answer to {expression}"), || {
        traffic();
        let answer = COMPOSE.query(expression);
        !answer.is_empty() && answer.iter().all(|series| series["value"][1] != "NaN")
    });
}

#[test]
fn every_query_of_the_dashboard_has_an_answer() {
    let mut queries = 0;
    for panel in dashboard()["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            assert_answers(
                &expression
                    .replace("$instance", ".*")
                    .replace("$__rate_interval", "15s"),
            );
            queries += 1;
        }
    }
    assert!(queries >= 14, "{queries}");
    assert_answers("envoy_server_live");
}

#[test]
fn every_series_that_an_alert_reads_is_there_and_every_rule_is_evaluated() {
    let text = fs::read_to_string(deployed("observability/alerts.yaml")).unwrap();
    let rules: Value = serde_saphyr::from_str(&text).unwrap();
    let mut names = BTreeSet::new();
    for rule in rules["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
    {
        let words = rule["expr"]
            .as_str()
            .unwrap()
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let series = |word: &&str| {
            word.starts_with("latchkey_") || word.starts_with("envoy_http_downstream")
        };
        names.extend(words.filter(series).map(str::to_owned));
    }
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        assert_answers(&name);
    }
    assert_answers("{__name__=~\"envoy_wasm_.*_vm_reload\"}");
    assert_answers("up{job=\"latchkey-store\"}");
    wait::until("all rules were evaluated without an error", || {
        let answer = COMPOSE.prometheus_json("/api/v1/rules");
        let groups = answer["data"]["groups"].as_array().unwrap().iter();
        let rules: Vec<&Value> = groups
            .flat_map(|group| group["rules"].as_array().unwrap())
            .collect();
        rules.len() >= 10 && rules.iter().all(|rule| rule["health"] == "ok")
    });
}

#[test]
fn the_log_tells_which_customer_fails_and_from_where() {
    let caller = COMPOSE.caller();
    LazyLock::force(&KEY);
    for _ in 0..2 {
        assert_eq!(caller.ask_for_token("METRICS", "lk_wrong").status, 401);
    }
    let folder = files::run_folder().unwrap();
    wait::until("the log has named the customer", || {
        let log = folder.join("envoy.log");
        fs::write(&log, COMPOSE.envoy.log()).unwrap();
        let mut script = Command::new(deployed("observability/failed-attempts.sh"));
        let said = output(script.stdin(fs::File::open(&log).unwrap()));
        said.contains(" 2 METRICS\twrong_key\t127.0.0.1\n")
    });
}

#[test]
fn promtool_takes_the_alert_rules_and_each_fires_as_its_example_says() {
    let folder = deployed("observability");
    output(
        tool("tools/promtool")
            .current_dir(&folder)
            .args(["check", "rules", "alerts.yaml"]),
    );
    output(
        tool("tools/promtool")
            .current_dir(&folder)
            .args(["test", "rules", "alerts.test.yaml"]),
    );
    let (rules, examples) = (
        fs::read_to_string(folder.join("alerts.yaml")).unwrap(),
        fs::read_to_string(folder.join("alerts.test.yaml")).unwrap(),
    );
    for name in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(
            examples.contains(&format!("alertname: {name}\n")),
            "{name} has no example"
        );
        let page = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(
            page.contains(&format!("`{name}`")),
            "README.md does not say what {name} asks for"
        );
    }
}

#[test]
fn promtool_takes_the_scrape_configurations() {
    for file in [
        "observability/prometheus.yml",
        "docker-compose/prometheus.yml",
    ] {
        let path = deployed(file);
        output(
            tool("tools/promtool")
                .args(["check", "config", "--syntax-only"])
                .arg(path),
        );
    }
}
