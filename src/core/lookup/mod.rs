//! The lookup contract: what the filter asks the credential lookup cluster, and what it takes for an answer.

pub mod hash;
pub mod record;
pub mod reply;
pub mod request;

pub use hash::{HashError, KeyHash, Pepper};
pub use record::{ClientRecord, KeyRecord};
pub use reply::{Answer, Found};
pub use request::{Call, HeaderText, Lookup, PathTemplate};
