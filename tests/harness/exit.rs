//! How a program of the tests ends.

use anyhow::Result;
use std::process::ExitCode;

/// Its exit code; an error is told in one line, with what led to it.
pub fn exit_code(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
