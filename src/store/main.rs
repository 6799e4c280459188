//! `latchkey-store`: see `latchkey-store help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    latchkey_store::cli::main()
}
