//! Requests to stop: the first ends a process in order, the second at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A request to stop, in two degrees. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    /// Finish what runs and accept nothing new.
    pub drain: CancellationToken,
    /// End at once. When this is cancelled, `drain` must be cancelled too.
    pub now: CancellationToken,
}

impl StopSignal {
    /// A stop signal that is not set yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests a stop: the first time to drain, after that to end at once.
    pub fn request_stop(&self) {
        if self.drain.is_cancelled() {
            self.now.cancel();
        } else {
            self.drain.cancel();
        }
    }

    /// Listens for SIGTERM, SIGINT and SIGHUP for as long as the process lives.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let requested = stop.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    Some(()) = terminate.recv() => "SIGTERM",
                    Some(()) = interrupt.recv() => "SIGINT",
                    Some(()) = hangup.recv() => "SIGHUP",
                    else => return,
                };
                if requested.drain.is_cancelled() {
                    tracing::warn!("got {name} again, ending now");
                } else {
                    tracing::info!("got {name}, finishing what runs; send it again to end now");
                }
                requested.request_stop();
            }
        });
        Ok(stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_time_means_now() {
        let stop = StopSignal::new();
        stop.request_stop();
        assert!(stop.drain.is_cancelled() && !stop.now.is_cancelled());
        stop.request_stop();
        assert!(stop.now.is_cancelled());
    }
}
