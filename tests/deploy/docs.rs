//! The examples of the documentation, run: its scripts lead where they say, and its configurations work.

use crate::caller::Caller;
use crate::deployed;
use crate::pages::{docs, read};
use latchkey_tests::{Stack, files, jwt, now};
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;
use std::process::Command;

fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

#[test]
fn the_quick_start_leads_from_an_empty_folder_to_data() {
    let folder = files::run_folder().unwrap();
    let (checkout, work) = (folder.join("checkout"), folder.join("work"));
    for folder in [
        checkout.join("target"),
        checkout.join("envoy"),
        work.clone(),
    ] {
        fs::create_dir_all(folder).unwrap();
    }
    let module = checkout.join("target/latchkey.wasm");
    fs::copy(files::module().unwrap(), module).unwrap();

    let mut script = read(&docs("examples/quick-start.sh"));
    let mut envoy_yaml = read(&deployed("envoy.yaml"));
    for (port, free) in ["8080", "8081", "9901", "10000"]
        .into_iter()
        .zip(free_ports::<4>())
    {
        assert!(script.contains(port) && envoy_yaml.contains(port), "{port}");
        script = script.replace(port, &free.to_string());
        envoy_yaml = envoy_yaml.replace(port, &free.to_string());
    }
    fs::write(checkout.join("envoy/envoy.yaml"), envoy_yaml).unwrap();
    // Bounded, so that they end with a test that is killed; and without what several Envoys of one machine would share.
    let envoy = format!(
        "timeout 120 {} --disable-hot-restart --config-path",
        files::envoy().unwrap().display()
    );
    script = script
        .replace("envoy --config-path", &envoy)
        .replace("\npython3 -m", "\ntimeout 120 python3 -m");

    let output = Command::new("timeout")
        .args(["120", "bash", "-c", &script])
        .current_dir(&work)
        .env("LATCHKEY", &checkout)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{wrong}");
    assert!(
        said.contains("[{\"name\": \"witch\"}]\n401\n"),
        "{said}\n{wrong}"
    );
}

#[test]
fn the_commands_of_the_operations_page_work() {
    let folder = files::run_folder().unwrap();
    let programs = folder.join("bin");
    fs::create_dir_all(&programs).unwrap();
    std::os::unix::fs::symlink(files::store().unwrap(), programs.join("latchkey-store")).unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut script = Command::new(docs("examples/operations.sh"));
    script.env("PATH", path).env(
        "LATCHKEY_DATABASE_URL",
        format!("sqlite:{}", folder.join("store.db").display()),
    );
    let said = crate::output(&mut script);
    assert!(said.contains("lk_") && said.contains("ACME01"), "{said}");
}

#[test]
fn jwt_authn_as_the_migration_page_has_it_takes_latchkeys_tokens() {
    let example: Value = serde_saphyr::from_str(&read(&docs("examples/jwt_authn.yaml"))).unwrap();
    let key = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        latchkey_tests::SIGNING_KEY,
    );
    let jwks = json!({"keys": [{"kty": "oct", "alg": "HS256", "k": key}]}).to_string();
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| {
            let mut both = latchkey_tests::Bootstrap(bootstrap.0.clone());
            let filters = both.connection_manager()?["http_filters"]
                .as_array_mut()
                .unwrap();
            filters[0] = example;
            bootstrap.add_listener("jwt_authn", both)
        })
        .environment("JWKS", jwks.leak())
        .start();
    let token = stack.token(&stack.customer());
    let expired = stack.forge(json!({"exp": now() - 600}));
    let forged = jwt::sign(
        b"another key",
        jwt::HS256_HEADER,
        &stack.claims(json!({})).to_string(),
    );
    for (token, status) in [(&*token, 200), (&*expired, 401), (&*forged, 401)] {
        let request = || latchkey_tests::Request::get("/products").bearer(token);
        assert_eq!(stack.send(request()).response.status, status);
        let listener = stack.envoy.listener("jwt_authn");
        assert_eq!(stack.send_to(listener, request()).response.status, status);
    }
}

#[test]
fn the_configuration_for_those_who_come_from_kong_keeps_path_and_headers() {
    let configuration = read(&docs("examples/from-kong.json"));
    let stack = Stack::setup()
        .bootstrap(move |bootstrap| bootstrap.replace_configuration(&configuration))
        .start();
    let customer = stack.customer();
    let caller = Caller::plain(stack.envoy.address());
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        customer.code, customer.key.secret
    );
    let reply = caller.ask("/products/oauth2/token", &["--data", &form]);
    assert_eq!(reply.status, 200, "{reply:?}");
    let token = reply.json()["access_token"].as_str().unwrap().to_owned();

    let data = caller.read(
        "/products/1",
        &token,
        &["--header", "x-test-exchange: kong"],
    );
    assert_eq!(data.status, 200, "{data:?}");
    let seen = stack
        .upstream
        .requests_with("x-test-exchange", "kong")
        .remove(0);
    assert_eq!(seen.value("x-consumer-username"), Some(&*customer.code));
    assert_eq!(seen.value("x-authenticated-scope"), Some("read"));
    assert_eq!(caller.ask("/products/1", &[]).status, 401);
    assert_eq!(caller.read("/other", &token, &[]).status, 403);
}
