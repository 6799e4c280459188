//! Requests without pause from several threads, and all that was wrong with their answers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use latchkey_tests::wait::until;

/// One round: it sends what it has to, and tells what was wrong with the answer.
pub type Sender = Box<dyn FnMut() -> Result<(), String> + Send>;

/// Threads that send until they are told to stop.
pub struct Load {
    threads: Vec<JoinHandle<()>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    rounds: AtomicUsize,
    wrong: Mutex<Vec<String>>,
}

impl Load {
    /// One thread for each of these; a round that gives an error goes on all the same.
    pub fn start(senders: Vec<Sender>) -> Self {
        let shared = Arc::new(Shared::default());
        let start = |mut send: Sender| {
            let shared = shared.clone();
            thread::spawn(move || {
                while !shared.stop.load(Ordering::Relaxed) {
                    if let Err(error) = send() {
                        shared.wrong().push(error);
                    }
                    shared.rounds.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let threads = senders.into_iter().map(start).collect();
        Self { threads, shared }
    }

    /// Returns once this many more rounds have been made.
    pub fn wait_for_rounds(&self, more: usize) {
        let rounds = || self.shared.rounds.load(Ordering::Relaxed);
        let start = rounds();
        until("the load goes on", || rounds() >= start + more);
    }

    /// Stops, and gives the number of rounds and all that was wrong.
    pub fn stop(self) -> (usize, Vec<String>) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            if thread.join().is_err() {
                self.shared.wrong().push("a sender panicked".to_owned());
            }
        }
        let wrong = std::mem::take(&mut *self.shared.wrong());
        (self.shared.rounds.load(Ordering::Relaxed), wrong)
    }
}

impl Shared {
    fn wrong(&self) -> MutexGuard<'_, Vec<String>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
