//! The reference credential store.
