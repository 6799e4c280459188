//! What SECURITY.md and docs/dependencies.md say, held against the sources.

mod dependencies;
mod promises;
