//! SIGINT and SIGTERM as a stream.

use futures::{StreamExt, stream};

use crate::follower::Interrupts;

/// From this call on, neither signal ends the process. Must be called inside a
/// runtime.
#[cfg(unix)]
pub(crate) fn interrupts() -> std::io::Result<Interrupts> {
    use tokio::signal::unix::{SignalKind, signal};
    let watch = |kind: SignalKind, name: &'static str| {
        signal(kind).map(|signal| {
            stream::unfold(signal, move |mut signal| async move {
                signal.recv().await.map(|()| (name, signal))
            })
            .boxed()
        })
    };
    Ok(Box::pin(stream::select(
        watch(SignalKind::interrupt(), "Ctrl-C")?,
        watch(SignalKind::terminate(), "SIGTERM")?,
    )))
}

/// From this call on, Ctrl-C does not end the process. Must be called inside a
/// runtime.
#[cfg(not(unix))]
pub(crate) fn interrupts() -> std::io::Result<Interrupts> {
    Ok(Box::pin(stream::unfold((), |()| async {
        tokio::signal::ctrl_c().await.ok().map(|()| ("Ctrl-C", ()))
    })))
}
