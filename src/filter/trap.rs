//! Crashes on request, for the test of what follows one. Only in a build with the feature `trap`.

use crate::host::Pairs;
use std::cell::RefCell;

thread_local!(static WANTED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });

/// Notes where the caller wants the VM to crash, which may be here.
pub(crate) fn head(mut pairs: Pairs<'_>) {
    if let Some((_, place)) = pairs.find(|(name, _)| *name == b"x-trap") {
        WANTED.set(place.to_vec());
        if place == b"memory" {
            drop(vec![1_u8; usize::MAX / 2]);
        }
    }
    at(b"head");
}

/// Crashes, if it is here that the caller wants it.
pub(crate) fn at(place: &[u8]) {
    if WANTED.with_borrow(|wanted| wanted == place) {
        std::process::abort();
    }
}
