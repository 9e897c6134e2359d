//! Asked to stop: once to end in order, twice to end now.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two degrees of being asked to stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Finish what runs, take nothing new.
    pub drain: CancellationToken,
    /// Leave at once. Whoever cancels this cancels `drain` too.
    pub now: CancellationToken,
}

impl Stop {
    /// A pair that nothing has cancelled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks once more: the first time to drain, then to leave now.
    pub fn ask(&self) {
        if self.drain.is_cancelled() {
            self.now.cancel();
        } else {
            self.drain.cancel();
        }
    }

    /// Listens for SIGTERM and SIGINT for as long as the process lives.
    ///
    /// # Errors
    /// When the system does not let us listen.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let asked = stop.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    Some(()) = terminate.recv() => "SIGTERM",
                    Some(()) = interrupt.recv() => "SIGINT",
                    else => return,
                };
                if asked.drain.is_cancelled() {
                    tracing::warn!("got {name} again, leaving now");
                } else {
                    tracing::info!("got {name}, finishing what runs; send it again to leave now");
                }
                asked.ask();
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
        let stop = Stop::new();
        stop.ask();
        assert!(stop.drain.is_cancelled() && !stop.now.is_cancelled());
        stop.ask();
        assert!(stop.now.is_cancelled());
    }
}
