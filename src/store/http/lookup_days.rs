//! The last day on which each customer was asked for, written beside the lookups, not within them.

use crate::customer::CustomerCode;
use crate::repository::Repository;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// More than this many that wait to be written are forgotten; the customers' next lookups bring them again.
const WAITING: usize = 4096;
const BATCH: usize = 1000;
/// Between two batches, so that a day's first lookups of many customers are written together. Each batch waits for the disk.
const PAUSE: Duration = Duration::from_millis(250);

/// Where lookups are noted.
#[derive(Clone)]
pub struct LookupDays(mpsc::Sender<(CustomerCode, i64)>);

impl LookupDays {
    /// Starts the task that writes. It ends when the last clone of the other value is gone and all is written.
    pub fn start(repository: Arc<dyn Repository>) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), tokio::spawn(write(repository, receiver)))
    }

    /// Notes that a customer was asked for today, unless the database knows already.
    pub(super) fn note(&self, customer: CustomerCode, last: Option<i64>, today: i64) {
        if last != Some(today) {
            // Full: see `WAITING`. Closed: the service is ending.
            let _ = self.0.try_send((customer, today));
        }
    }
}

async fn write(repository: Arc<dyn Repository>, mut receiver: mpsc::Receiver<(CustomerCode, i64)>) {
    let mut batch = Vec::with_capacity(BATCH);
    while receiver.recv_many(&mut batch, BATCH).await > 0 {
        if let Err(error) = repository.note_lookups(&batch).await {
            tracing::warn!(%error, customers = batch.len(), "the day of the last lookup could not be written");
        }
        batch.clear();
        tokio::time::sleep(PAUSE).await;
    }
}
