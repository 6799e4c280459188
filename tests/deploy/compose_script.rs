//! `docker-compose/test.sh`, line by line. In the place of containers stand the processes of [`COMPOSE`]: what the script
//! asks of the engine is answered by a few lines of shell, and its requests and commands reach the real thing.

use crate::compose::COMPOSE;
use crate::{deployed, output};
use latchkey_tests::files;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Answers as `docker` does; `compose exec` runs the program itself, on the stack's database.
const ENGINE: &str = r#"#!/usr/bin/env bash
set -euo pipefail
echo "$COMPOSE_PROJECT_NAME: $*" >>"$ENGINE_LOG"
[ "$1" = compose ] || { [ "$1" = inspect ] && echo healthy; exit; }
shift
case $1 in
    version | build | up | down | stop | logs) ;;
    ps) echo "$3" ;;
    exec) [ "$2 $3 $4" = '-T store-1 latchkey-store' ] && exec "$STORE" "${@:5}" ;;
    *) exit 64 ;;
esac
"#;

/// The script with its folder, the stand-in for the engine first on the path, and the stack's ports.
fn script(folder: &Path) -> Command {
    for name in ["test.sh", "secrets.sh"] {
        fs::copy(deployed("docker-compose").join(name), folder.join(name)).unwrap();
    }
    let programs = folder.join("bin");
    fs::create_dir(&programs).unwrap();
    let engine = programs.join("docker");
    fs::write(&engine, ENGINE).unwrap();
    fs::set_permissions(&engine, fs::Permissions::from_mode(0o755)).unwrap();

    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let port = COMPOSE.envoy.listener("api").port();
    let mut command = Command::new(folder.join("test.sh"));
    command
        .env("PATH", path)
        .env("ENGINE_LOG", folder.join("engine.log"))
        .env("STORE", files::store().unwrap())
        .env("LATCHKEY_DATABASE_URL", COMPOSE.stores[0].database())
        .env("LATCHKEY_WASM", files::module().unwrap())
        .env("LATCHKEY_PORT", port.to_string())
        .env("PROMETHEUS_PORT", COMPOSE.prometheus.port().to_string())
        // There is no Grafana here; the sample API answers 200 to whatever it is asked.
        .env("GRAFANA_PORT", sample_api().to_string());
    command
}

fn sample_api() -> u16 {
    COMPOSE.upstream.listener("api").port()
}

#[test]
fn c10_the_script_finds_the_stack_well_and_takes_down_only_what_it_started() {
    let folder = files::run_folder().unwrap();
    let said = output(&mut script(&folder));
    assert!(said.ends_with("==> all well\n"), "{said}");

    let asked = fs::read_to_string(folder.join("engine.log")).unwrap();
    let asked: Vec<&str> = asked.lines().collect();
    assert!(
        asked.iter().all(|line| line.starts_with("latchkey-test: ")),
        "{asked:?}"
    );
    let wipes = |line: &&&str| line.ends_with("compose down --volumes --remove-orphans");
    assert_eq!(asked.iter().filter(wipes).count(), 2, "{asked:?}");
    assert!(wipes(&asked.last().unwrap()), "{asked:?}");
}

#[test]
fn the_script_fails_and_cleans_up_where_the_stack_is_not_as_promised() {
    let folder = files::run_folder().unwrap();
    // The API itself, with nothing in front that issues tokens.
    let port = sample_api();
    let database = format!("sqlite:{}", folder.join("store.db").display());
    let ran = script(&folder)
        .env("LATCHKEY_DATABASE_URL", database)
        .env("LATCHKEY_PORT", port.to_string())
        .output()
        .unwrap();
    assert!(!ran.status.success());
    assert!(
        String::from_utf8_lossy(&ran.stderr).contains("error: no token was issued"),
        "{ran:?}"
    );
    let asked = fs::read_to_string(folder.join("engine.log")).unwrap();
    assert!(asked.contains("compose logs"), "{asked}");
    assert!(
        asked.ends_with("compose down --volumes --remove-orphans\n"),
        "{asked}"
    );
}
