//! Outcomes become metrics, filter state and log lines.

use crate::host::{self, LogLevel, MetricKind};
use latchkey_core::outcome::{Endpoint, LookupOutcome, LookupStatus, Outcome, Reason, Verdict};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// The metrics this VM has used, by what they count.
#[derive(Default)]
pub(crate) struct Telemetry {
    ids: RefCell<HashMap<Metric, u32>>,
    /// Requests with a valid token that are yet to be counted, while a window is open.
    passed: Cell<Option<i64>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Metric {
    Request(Verdict, &'static str),
    TokenRequest(Verdict, &'static str),
    Lookup(LookupStatus),
    LookupDuration,
    UnknownHash,
}

/// What nearly every request counts.
const PASSED: Metric = Metric::Request(Verdict::Allowed, Reason::ValidToken.as_str());

impl Metric {
    /// The name, labels included; `stats_tags` in Envoy's bootstrap takes them apart.
    fn name(self) -> String {
        match self {
            Self::Request(result, reason) => {
                format!("latchkey_requests_total_result={result}_reason={reason}")
            }
            Self::TokenRequest(result, reason) => {
                format!("latchkey_token_requests_total_result={result}_reason={reason}")
            }
            Self::Lookup(status) => format!("latchkey_lookups_total_status={status}"),
            Self::LookupDuration => "latchkey_lookup_duration_ms".to_owned(),
            Self::UnknownHash => "latchkey_unknown_hashes_total".to_owned(),
        }
    }

    fn kind(self) -> MetricKind {
        match self {
            Self::LookupDuration => MetricKind::Histogram,
            _ => MetricKind::Counter,
        }
    }
}

impl Telemetry {
    /// Tells of a decision on the current request.
    pub(crate) fn decided(&self, outcome: &Outcome) {
        let (result, reason) = (outcome.verdict, outcome.reason.as_str());
        match (outcome.endpoint, outcome.reason) {
            (Endpoint::Guard, Reason::ValidToken) => self.passed(),
            (Endpoint::Guard, _) => self.count(Metric::Request(result, reason)),
            (Endpoint::Token, _) => self.count(Metric::TokenRequest(result, reason)),
        }
        let state = |name, value| {
            // The stream may be going away; its access log is then without the word.
            let _ = host::set_filter_state(name, value);
        };
        state("latchkey.result", result.as_str());
        state("latchkey.reason", reason);
        if let Some(customer) = &outcome.customer {
            state("latchkey.customer", customer);
        }
        if let Some(level) = level(outcome).filter(|level| host::logs(*level)) {
            host::log(level, &format!("latchkey: {outcome}"));
        }
    }

    /// Tells of a lookup that has ended.
    pub(crate) fn looked_up(&self, lookup: &LookupOutcome) {
        self.count(Metric::Lookup(lookup.status));
        if let Some(id) = self.id(Metric::LookupDuration) {
            host::record(id, lookup.duration_ms);
        }
        for _ in 0..lookup.unknown_hashes {
            self.count(Metric::UnknownHash);
        }
        if !matches!(lookup.status, LookupStatus::Found | LookupStatus::NotFound) {
            let LookupOutcome {
                status,
                duration_ms,
                ..
            } = lookup;
            host::log(
                LogLevel::Warn,
                &format!("latchkey: lookup status={status} duration_ms={duration_ms}"),
            );
        }
    }

    /// Counts a request that passed: the first at once, which opens a window, and all that pass while it
    /// is open in one go when it ends. A hostcall for each would cost more than checking a known token.
    fn passed(&self) {
        if let Some(waiting) = self.passed.get() {
            self.passed.set(Some(waiting.saturating_add(1)));
            return;
        }
        self.passed.set(Some(0));
        self.count(PASSED);
    }

    /// Whether requests are being gathered, so that [`Self::flush`] must be called before long.
    pub(crate) fn gathers(&self) -> bool {
        self.passed.get().is_some()
    }

    /// Ends a window; where anything passed in it, the next one opens at once.
    pub(crate) fn flush(&self) {
        let passed = self.passed.get().filter(|passed| *passed > 0);
        if let (Some(passed), Some(id)) = (passed, self.id(PASSED)) {
            host::increment(id, passed);
        }
        self.passed.set(passed.map(|_| 0));
    }

    fn count(&self, metric: Metric) {
        if let Some(id) = self.id(metric) {
            host::increment(id, 1);
        }
    }

    fn id(&self, metric: Metric) -> Option<u32> {
        if let Some(id) = self.ids.borrow().get(&metric) {
            return Some(*id);
        }
        let id = host::metric(metric.kind(), &metric.name()).ok()?;
        self.ids.borrow_mut().insert(metric, id);
        Some(id)
    }
}

/// Tells how loading the configuration went; there is no [`Telemetry`] yet.
pub(crate) fn configured(accepted: bool) {
    let result = if accepted { "accepted" } else { "refused" };
    let name = format!("latchkey_config_loads_total_result={result}");
    if let Ok(id) = host::metric(MetricKind::Counter, &name) {
        host::increment(id, 1);
    }
}

/// Refusals by the guard are anyone's to cause, so they are not written unless asked for.
fn level(outcome: &Outcome) -> Option<LogLevel> {
    match (outcome.endpoint, outcome.verdict) {
        (_, Verdict::Error) => Some(LogLevel::Warn),
        (Endpoint::Guard, Verdict::Allowed) => None,
        (Endpoint::Guard, Verdict::Refused) => Some(LogLevel::Debug),
        _ => Some(LogLevel::Info),
    }
}
