//! When a key ends.

use crate::clock;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::time::Duration;

const DAY: i64 = 86_400;
/// One year, the contract's default.
const DEFAULT: i64 = 365 * DAY;
/// Five years, two leap days included.
const LONGEST: i64 = (5 * 365 + 2) * DAY;

/// When a key is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// One year from now.
    Default,
    /// So many seconds from now.
    In(i64),
    /// At this moment, in Unix seconds.
    At(i64),
}

/// Why a key cannot end then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpiryError {
    #[error("the key would end at {}, which is not in the future", clock::show(*.0))]
    Past(i64),
    #[error("the key would end at {}; the latest that is allowed is five years from now, {}", clock::show(*.found), clock::show(*.latest))]
    TooFar { found: i64, latest: i64 },
    #[error("{0:?} is not a length of time; write it like 365d, 12h or 90m")]
    NotADuration(String),
    #[error(
        "{0:?} is not a moment; write it like 2027-05-01 (midnight UTC) or 2027-05-01T12:30:00Z"
    )]
    NotAMoment(String),
}

impl Expiry {
    /// The Unix second at which a key issued now ends.
    pub fn resolve(self, now: i64) -> Result<i64, ExpiryError> {
        let end = match self {
            Self::Default => now.saturating_add(DEFAULT),
            Self::In(seconds) => now.saturating_add(seconds),
            Self::At(moment) => moment,
        };
        let latest = now.saturating_add(LONGEST);
        if end <= now {
            return Err(ExpiryError::Past(end));
        }
        if end > latest {
            return Err(ExpiryError::TooFar { found: end, latest });
        }
        Ok(end)
    }
}

/// Reads a length of time such as `365d`, in seconds.
pub fn parse_duration(text: &str) -> Result<i64, ExpiryError> {
    let wrong = || ExpiryError::NotADuration(text.to_owned());
    let length: Duration = humantime::parse_duration(text).map_err(|_| wrong())?;
    i64::try_from(length.as_secs()).map_err(|_| wrong())
}

/// Reads a date (midnight UTC) or an RFC 3339 moment, in Unix seconds.
pub fn parse_moment(text: &str) -> Result<i64, ExpiryError> {
    let midnight = || {
        text.parse::<Date>()
            .and_then(|day| day.to_zoned_datetime(TimeZone::UTC))
            .map(|zoned| zoned.timestamp())
    };
    let moment = text.parse::<Timestamp>().or_else(|_| midnight());
    moment
        .map(Timestamp::as_second)
        .map_err(|_| ExpiryError::NotAMoment(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn c10_a_key_ends_one_year_after_issue_by_default() {
        assert_eq!(Expiry::Default.resolve(NOW), Ok(NOW + 31_536_000));
    }

    #[test]
    fn c10_a_key_never_ends_in_the_past_nor_right_now() {
        assert_eq!(Expiry::In(0).resolve(NOW), Err(ExpiryError::Past(NOW)));
        assert_eq!(
            Expiry::At(NOW - 1).resolve(NOW),
            Err(ExpiryError::Past(NOW - 1))
        );
        assert_eq!(Expiry::At(NOW).resolve(NOW), Err(ExpiryError::Past(NOW)));
        assert_eq!(Expiry::In(1).resolve(NOW), Ok(NOW + 1));
    }

    #[test]
    fn c10_a_key_ends_within_five_years() {
        let latest = NOW + 1827 * DAY;
        assert_eq!(Expiry::At(latest).resolve(NOW), Ok(latest));
        assert_eq!(
            Expiry::At(latest + 1).resolve(NOW),
            Err(ExpiryError::TooFar {
                found: latest + 1,
                latest
            })
        );
        assert_eq!(
            Expiry::In(i64::MAX).resolve(NOW),
            Err(ExpiryError::TooFar {
                found: i64::MAX,
                latest
            })
        );
        assert!(
            Expiry::In(parse_duration("5y").unwrap())
                .resolve(NOW)
                .is_ok()
        );
    }

    #[test]
    fn lengths_and_moments_are_read_as_people_write_them() {
        assert_eq!(parse_duration("365d"), Ok(31_536_000));
        assert_eq!(parse_duration("90m"), Ok(5_400));
        assert_eq!(parse_moment("2027-11-24"), Ok(1_827_014_400));
        assert_eq!(parse_moment("2027-11-24T12:00:00Z"), Ok(1_827_057_600));
        assert_eq!(parse_moment("2027-11-24T13:00:00+01:00"), Ok(1_827_057_600));
    }

    #[test]
    fn what_is_neither_is_refused_with_an_example() {
        for bad in ["", "365", "-1d", "a year"] {
            assert_eq!(
                parse_duration(bad),
                Err(ExpiryError::NotADuration(bad.to_owned()))
            );
        }
        for bad in ["", "soon", "2027-13-01", "01.05.2027"] {
            assert_eq!(
                parse_moment(bad),
                Err(ExpiryError::NotAMoment(bad.to_owned()))
            );
        }
    }
}
