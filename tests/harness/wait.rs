//! Waiting on conditions.

use std::thread;
use std::time::{Duration, Instant};

/// Far beyond what anything here takes, so that only a hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks `condition` again and again until it answers with something; `None` when patience is over.
pub fn wait_for<T>(mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = condition() {
            return Some(answer);
        }
        if started.elapsed() > PATIENCE {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Returns as soon as `condition` holds; fails the test, naming `what`, if it never does.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    assert!(
        wait_for(|| condition().then_some(())).is_some(),
        "waited {} s in vain until {what}",
        PATIENCE.as_secs()
    );
}
