//! A point in time, as an argument.

use std::time::Duration;

/// Nanoseconds since the Unix epoch, as the host's clock tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From the nanoseconds a proxy-wasm host counts.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// From whole Unix seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Whole Unix seconds, rounded down.
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }

    /// Unix seconds with their fraction, as a NumericDate counts them (RFC 7519 section 2).
    pub fn numeric_date(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time that has passed since `earlier`; nothing where the clock was set back.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This time and `duration` more.
    pub fn plus(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}
