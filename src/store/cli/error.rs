//! Errors of the command line and the exit code of each.

use crate::api_key::KeyId;
use crate::customer::{CodeError, ScopeError};
use crate::expiry::ExpiryError;
use crate::http::{ServeError, TokensError};
use crate::repository;
use crate::transfer::Refusal;
use latchkey_core::ConfigError;
use latchkey_core::outcome::Reason;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed for a reason not named below
  2  the command line is wrong, or a file that was given with it
  3  there is no such customer or key
  4  the customer or key is there already, or has all the keys it may have
  5  not confirmed, nothing was changed
  6  the database cannot be used: unreachable, locked, full, read-only, damaged, or of a newer version
  7  the filter would refuse the token";

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
    #[error(
        "--insecure-no-auth answers everyone, but LATCHKEY_SERVICE_TOKENS is set; leave out one of them"
    )]
    TokensAndOpen,
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: the name must end in .csv or .jsonl, which says how the file is written", .0.display())]
    FileName(PathBuf),
    #[error("{}, line {line}: {refusal}; nothing was imported", path.display())]
    Line {
        path: PathBuf,
        line: u64,
        refusal: Refusal,
    },
    #[error("{}, line {line}: {error}, from an earlier line or from before; nothing was imported", path.display())]
    Taken {
        path: PathBuf,
        line: u64,
        error: repository::Error,
    },
    #[error(
        "key {id} was issued, but could not be shown ({source}), and nobody can get it back; \
         revoke it with `latchkey-store key revoke {id}` and issue another"
    )]
    NotShown { id: KeyId, source: io::Error },
    #[error("{}: {source}; what was written is whole, in {}", path.display(), unfinished.display())]
    NotRenamed {
        path: PathBuf,
        unfinished: PathBuf,
        source: io::Error,
    },
    #[error("{}: {error}", path.display())]
    Configuration { path: PathBuf, error: ConfigError },
    #[error("the filter would refuse this token: {0}")]
    TokenRefused(Reason),
    #[error("no random bytes from the operating system: {0}")]
    Random(#[from] getrandom::Error),
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
        // Where nobody listens, the exit code is left.
        let _ = writeln!(io::stderr(), "error: {self}");
        ExitCode::from(self.exit_code())
    }

    fn exit_code(&self) -> u8 {
        use repository::Error as Database;
        match self {
            Self::Expiry(_) | Self::Code(_) | Self::Scope(_) => 2,
            Self::FileName(_) | Self::Line { .. } | Self::Configuration { .. } => 2,
            Self::Tokens(_)
            | Self::OpenToAll { .. }
            | Self::TokensAndOpen
            | Self::Serve(ServeError::Tls(_)) => 2,
            Self::Repository(Database::UnknownKind | Database::BadUrl(_)) => 2,
            Self::Repository(Database::NoCustomer(_) | Database::NoKey(_)) => 3,
            Self::Repository(
                Database::CustomerExists(_) | Database::KeyExists { .. } | Database::TooManyKeys(_),
            ) => 4,
            Self::Taken { .. } => 4,
            Self::NotConfirmed | Self::NoTerminal => 5,
            Self::TokenRefused(_) => 7,
            Self::Repository(Database::Random(_))
            | Self::Listen { .. }
            | Self::Serve(_)
            | Self::Io(_)
            | Self::File { .. }
            | Self::NotShown { .. }
            | Self::NotRenamed { .. }
            | Self::Random(_) => 1,
            Self::Repository(_) => 6,
        }
    }
}
