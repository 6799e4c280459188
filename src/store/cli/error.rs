//! Errors of the command line and the exit code of each.

use crate::customer::{CodeError, ScopeError};
use crate::expiry::ExpiryError;
use crate::http::{ServeError, TokensError};
use crate::repository;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

pub(super) const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed for a reason not named below
  2  the command line is wrong
  3  there is no such customer or key
  4  the customer is there already
  5  not confirmed, nothing was changed
  6  the database cannot be used: unreachable, locked, full, read-only, damaged, or of a newer version";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Repository(#[from] repository::Error),
    #[error(transparent)]
    Expiry(#[from] ExpiryError),
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error(transparent)]
    Scope(#[from] ScopeError),
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error("not confirmed, nothing was changed")]
    NotConfirmed,
    #[error(
        "this cuts a customer off and there is no terminal to ask on; say --yes if it is meant"
    )]
    NoTerminal,
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error(
        "--insecure-no-auth is for loopback addresses only, and {address} is none: set LATCHKEY_SERVICE_TOKENS"
    )]
    OpenToAll { address: SocketAddr },
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    /// Prints the error and gives the exit code for it.
    pub(super) fn report(&self) -> ExitCode {
        // Whoever read the output has seen enough, as in `customer list | head`.
        if matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        eprintln!("error: {self}");
        ExitCode::from(self.exit_code())
    }

    fn exit_code(&self) -> u8 {
        use repository::Error as Database;
        match self {
            Self::Expiry(_) | Self::Code(_) | Self::Scope(_) => 2,
            Self::Tokens(_) | Self::OpenToAll { .. } | Self::Serve(ServeError::Tls(_)) => 2,
            Self::Repository(Database::UnknownKind | Database::BadUrl { .. }) => 2,
            Self::Repository(Database::NoCustomer(_) | Database::NoKey(_)) => 3,
            Self::Repository(Database::CustomerExists(_)) => 4,
            Self::NotConfirmed | Self::NoTerminal => 5,
            Self::Repository(Database::Random(_))
            | Self::Listen { .. }
            | Self::Serve(_)
            | Self::Io(_) => 1,
            Self::Repository(_) => 6,
        }
    }
}
