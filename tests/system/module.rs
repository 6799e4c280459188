//! The module as it ships: what Envoy may call in it, and what it may call of Envoy's.

use latchkey_tests::capabilities::Interface;
use latchkey_tests::docs::assert_file;
use latchkey_tests::{capabilities, files};
use std::fs;

/// Envoy enters the VM for each of these, on every request that gives cause to. What the filter does not need is not here.
const EXPORTS: [&str; 12] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
];

/// What the module is kept under, in bytes: each virtual machine compiles it.
const MOST: usize = 300_000;

fn module() -> Vec<u8> {
    fs::read(files::module().unwrap()).unwrap()
}

#[test]
fn the_module_exports_what_envoy_has_to_call_and_nothing_else() {
    let module = module();
    let mut exports = Interface::of(&module).unwrap().exports;
    exports.sort_unstable();
    assert_eq!(exports, EXPORTS);
}

#[test]
fn the_module_is_small() {
    let size = module().len();
    assert!(size < MOST, "{size} bytes, where {MOST} is too much");
}

#[test]
fn the_examples_allow_the_module_what_it_calls_and_is_called_for_and_nothing_else() {
    let names = capabilities::of(&files::module().unwrap()).unwrap();
    let mut restricted = 0;
    for path in files::files_below(&files::checkout().join("envoy"), ".yaml") {
        let text = fs::read_to_string(&path).unwrap();
        // Where Envoy's own configuration of a filter is written. Others have no place for the restriction.
        let filters = text.matches("vm_config:").count();
        let restrictions = text.matches("capability_restriction_config:").count();
        assert_eq!(filters, restrictions, "{path:?}");
        restricted += restrictions;
        assert_file(&path, &capabilities::write_into(&text, &names));
    }
    assert!(restricted > 0, "no example has a filter");
}
