//! The one place that reads the clock, and how times are written for people.

use jiff::{Timestamp, ToSpan, civil::date};
use serde::Serializer;
use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;

/// Unix seconds, now. Everything below the shell takes this as an argument.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

/// The day, since 1970, that a moment falls on (UTC).
pub fn day_of(seconds: i64) -> i64 {
    seconds.div_euclid(DAY)
}

/// `2027-05-01 12:30:00Z`.
pub fn show(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// `2027-05-01`.
pub fn show_day(day: i64) -> String {
    match date(1970, 1, 1).checked_add(day.days()) {
        Ok(date) => date.to_string(),
        Err(_) => day.to_string(),
    }
}

/// Writes a day as its date, or null.
pub fn serialize_day<S: Serializer>(day: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.serialize_str(&show_day(*day)),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(show(1_827_072_000), "2027-11-24 16:00:00Z");
        assert_eq!(show_day(day_of(1_827_072_000)), "2027-11-24");
        assert_eq!(day_of(-1), -1);
    }

    #[test]
    fn a_time_no_calendar_holds_is_shown_as_the_number_it_is() {
        assert_eq!(show(i64::MAX), i64::MAX.to_string());
    }
}
