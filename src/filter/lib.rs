//! The proxy-wasm shell around `latchkey-core`.
