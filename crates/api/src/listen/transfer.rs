//! What carries an answer: a connection, or one stream of an HTTP/2 connection. It is ended from outside where its client
//! reads nothing.

use crate::limits::WRITE_STALL;
use hyper::rt::Executor;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    static CURRENT: Transfer;
}

/// How often is looked whether a stream's client reads.
const LOOK: Duration = Duration::from_millis(WRITE_STALL.as_millis() as u64 / 12);

/// What carries an answer. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Transfer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ended: CancellationToken,
    begun: Instant,
    /// Since when something is there that the client does not take, in milliseconds after the beginning, and one; zero
    /// where nothing is.
    offered: AtomicU64,
}

impl Transfer {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner { ended: CancellationToken::new(), begun: Instant::now(), offered: AtomicU64::new(0) }))
    }

    /// That of the task which runs, where it carries something.
    #[must_use]
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Ends it at once, whatever is still to be sent.
    pub(crate) fn end(&self) {
        self.0.ended.cancel();
    }

    /// Something is there for the client to take.
    pub(super) fn offer(&self) {
        let millis = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.offered.store(millis.saturating_add(1), Ordering::Relaxed);
    }

    /// The client has all that there is.
    pub(super) fn rest(&self) {
        self.0.offered.store(0, Ordering::Relaxed);
    }

    /// Runs what carries it; none when it was ended before.
    pub(super) async fn carry<F: Future>(self, carries: F) -> Option<F::Output> {
        let ended = self.0.ended.clone();
        tokio::select! {
            output = CURRENT.scope(self, carries) => Some(output),
            () = ended.cancelled() => None,
        }
    }

    /// Ready when the client has taken nothing for too long of what is offered.
    async fn stalled(&self, most: Duration) {
        loop {
            tokio::time::sleep(LOOK.min(most)).await;
            let offered = self.0.offered.load(Ordering::Relaxed);
            if offered > 0 && self.0.begun.elapsed() >= Duration::from_millis(offered).saturating_add(most) {
                return;
            }
        }
    }
}

/// Runs the streams of HTTP/2 connections, each as its own [`Transfer`]. Flow control may stall one while its connection is
/// well: dropping it resets it (RFC 9113, 5.4.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct StreamExecutor;

impl<F> Executor<F> for StreamExecutor
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        let transfer = Transfer::new();
        tokio::spawn(async move {
            tokio::select! {
                _ = transfer.clone().carry(stream) => {}
                () = transfer.stalled(WRITE_STALL) => tracing::debug!("a stream was ended: its client reads nothing"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test]
    async fn what_is_offered_and_not_taken_is_a_stall_and_waiting_for_more_is_none() {
        let (transfer, most) = (Transfer::new(), Duration::from_millis(200));
        let stalls = async |within| timeout(Duration::from_millis(within), transfer.stalled(most)).await.is_ok();
        assert!(!stalls(600).await, "nothing was offered");
        transfer.offer();
        transfer.rest();
        assert!(!stalls(600).await, "it was taken");
        transfer.offer();
        assert!(!stalls(50).await, "that is no time yet");
        assert!(stalls(20_000).await);
    }

    #[tokio::test]
    async fn one_that_is_ended_carries_nothing_more() {
        let transfer = Transfer::new();
        assert!(Transfer::current().is_none());
        let carried = transfer.carry(async {
            Transfer::current().unwrap().end();
            std::future::pending::<()>().await;
        });
        assert_eq!(timeout(Duration::from_secs(20), carried).await.unwrap(), None);
        assert_eq!(Transfer::new().carry(async { 7 }).await, Some(7));
    }
}
