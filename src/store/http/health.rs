//! Is it alive?

/// The process answers.
pub(super) async fn process() -> &'static str {
    "ok\n"
}
