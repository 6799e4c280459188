//! Failed attempts at the token endpoint, counted (D10).

use crate::bounded::{self, Bounded};
use crate::time::Timestamp;
use std::time::Duration;

/// The most counters of one generation, per worker.
const CAPACITY: usize = 8 * 1024;

/// The longest Customer Code or address that is kept as it is; what is longer shares one counter with
/// all that begin alike.
const KEY_PREFIX: usize = 64;

/// How many failures in how long a time are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// This many failures, and the next attempt is refused unheard.
    pub failures: u32,
    /// The time within which they count.
    pub window: Duration,
}

/// Failures per Customer Code and caller address.
///
/// Memory is bounded: under a flood of made-up names the worst is that a counter is forgotten early, never
/// that a customer whose own address did not fail is refused.
#[derive(Debug)]
pub struct Throttle {
    limit: Limit,
    counters: Bounded<Key, Counter>,
    turned: Timestamp,
}

type Key = (Vec<u8>, Vec<u8>);

#[derive(Clone, Copy, Debug)]
struct Counter {
    failures: u32,
    since: Timestamp,
}

impl Throttle {
    /// Starts with nothing counted.
    pub fn new(limit: Limit) -> Self {
        Self {
            limit,
            counters: Bounded::new(bounded::Limit {
                entries: CAPACITY,
                bytes: usize::MAX,
            }),
            turned: Timestamp::from_nanos(0),
        }
    }

    /// How long a caller must wait before its next attempt is heard; `None`: it is heard now.
    pub fn wait(&self, client_id: &str, address: &[u8], now: Timestamp) -> Option<Duration> {
        let counter = self.counter(&key(client_id, address), now)?;
        let passed = now.since(counter.since);
        (counter.failures >= self.limit.failures).then(|| self.limit.window.saturating_sub(passed))
    }

    /// Counts a failure.
    pub fn failed(&mut self, client_id: &str, address: &[u8], now: Timestamp) {
        let key = key(client_id, address);
        let mut counter = self.counter(&key, now).unwrap_or(Counter {
            failures: 0,
            since: now,
        });
        counter.failures = counter.failures.saturating_add(1);
        if now.since(self.turned) >= self.limit.window {
            self.counters.turn();
            self.turned = now;
        }
        self.counters.insert(key, counter, 0);
    }

    /// Forgets a caller's failures: it has shown the right key.
    pub fn succeeded(&mut self, client_id: &str, address: &[u8]) {
        if !self.counters.is_empty() {
            self.counters.remove(&key(client_id, address));
        }
    }

    /// The counter whose window has not passed.
    fn counter(&self, key: &Key, now: Timestamp) -> Option<Counter> {
        let counter = self.counters.get(key)?;
        (now.since(counter.since) < self.limit.window).then_some(*counter)
    }
}

fn key(client_id: &str, address: &[u8]) -> Key {
    let cut = |bytes: &[u8]| bytes.get(..KEY_PREFIX).unwrap_or(bytes).to_vec();
    (cut(client_id.as_bytes()), cut(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(Limit {
            failures: 3,
            window: Duration::from_secs(60),
        })
    }

    fn at(second: u64) -> Timestamp {
        Timestamp::from_seconds(1_800_000_000 + second)
    }

    #[test]
    fn d10_the_attempt_after_too_many_failures_waits_for_the_window_to_pass() {
        let mut throttle = throttle();
        for second in 0..3 {
            assert_eq!(throttle.wait("A", b"1", at(second)), None);
            throttle.failed("A", b"1", at(second));
        }
        assert_eq!(
            throttle.wait("A", b"1", at(10)),
            Some(Duration::from_secs(50))
        );
        assert_eq!(throttle.wait("A", b"1", at(60)), None);
        throttle.failed("A", b"1", at(60));
        assert_eq!(throttle.wait("A", b"1", at(60)), None);
    }

    #[test]
    fn d10_another_address_or_another_customer_is_not_refused() {
        let mut throttle = throttle();
        (0..9).for_each(|_| throttle.failed("A", b"1", at(0)));
        assert_eq!(throttle.wait("A", b"2", at(1)), None);
        assert_eq!(throttle.wait("B", b"1", at(1)), None);
    }

    #[test]
    fn d10_one_failure_locks_nobody_out_and_a_success_forgets_it() {
        let mut throttle = throttle();
        for second in 0..50 {
            throttle.failed("A", b"1", at(second));
            assert_eq!(throttle.wait("A", b"1", at(second)), None);
            throttle.succeeded("A", b"1");
        }
    }

    #[test]
    fn d10_a_flood_of_names_locks_nobody_out() {
        let mut throttle = throttle();
        for number in 0..5 * CAPACITY {
            throttle.failed(&format!("made-up-{number}"), b"1", at(0));
        }
        assert_eq!(throttle.wait("A", b"1", at(0)), None);
    }

    #[test]
    fn d10_a_counter_survives_the_turn_of_generations_within_its_window() {
        let mut throttle = throttle();
        throttle.failed("A", b"1", at(55));
        throttle.failed("A", b"1", at(56));
        throttle.failed("B", b"1", at(61));
        throttle.failed("A", b"1", at(62));
        assert_eq!(
            throttle.wait("A", b"1", at(62)),
            Some(Duration::from_secs(53))
        );
    }

    #[test]
    fn d10_a_clock_set_back_never_lengthens_the_wait_beyond_the_window() {
        let mut throttle = throttle();
        (0..3).for_each(|_| throttle.failed("A", b"1", at(1000)));
        assert_eq!(
            throttle.wait("A", b"1", at(0)),
            Some(Duration::from_secs(60))
        );
    }
}
