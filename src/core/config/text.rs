//! Checks that more than one part of the configuration needs.

use super::error::{ConfigError, Result};
use crate::path::CanonicalPath;
use std::ops::RangeInclusive;

/// A path in canonical form (D17).
pub(super) fn canonical(at: &str, path: &str) -> Result<CanonicalPath> {
    CanonicalPath::new(path.as_bytes()).ok_or_else(|| {
        let expected = "a canonical path: it begins with /, without query, dot segments, //, \\, ; or needless escapes";
        ConfigError::new(at, format!("{path:?}"), expected)
    })
}

/// A number in a range.
pub(super) fn within(at: &str, value: u32, range: RangeInclusive<u32>) -> Result<u32> {
    if range.contains(&value) {
        return Ok(value);
    }
    let expected = format!("a number from {} to {}", range.start(), range.end());
    Err(ConfigError::new(at, value.to_string(), expected))
}
