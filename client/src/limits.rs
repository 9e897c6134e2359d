//! How long submit-job waits for what. Constant, except in tests, which need not wait.

use std::time::Duration;

use crate::watch::RetryPolicy;

/// The time limits of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientLimits {
    pub(crate) connection: ConnectionLimits,
    /// Of a scheduler that is lost while a job is followed.
    pub(crate) retry_policy: RetryPolicy,
    /// How long the scheduler may take to cancel a job that reached its time limit,
    /// before the client does.
    pub(crate) timeout_grace: Duration,
    /// How long the client waits for the end of the job after its own cancel at the
    /// time limit.
    pub(crate) cancel_grace: Duration,
    /// How long the cancel of an interrupted submission may take.
    pub(crate) submit_cancel: Duration,
    /// The longest pause between attempts to reach a lost scheduler for a list that is
    /// repeated.
    pub(crate) list_pause: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            connection: ConnectionLimits::default(),
            retry_policy: RetryPolicy::default(),
            timeout_grace: Duration::from_secs(2),
            cancel_grace: Duration::from_secs(10),
            submit_cancel: Duration::from_secs(2),
            list_pause: Duration::from_secs(2),
        }
    }
}

/// The time limits of connections to schedulers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// How long resolving a name, and then connecting, may take.
    pub(crate) connect: Duration,
    /// How long the first call may take when there are other addresses to try. A process
    /// that hangs still accepts connections: only an answer shows that it works.
    pub(crate) answer: Duration,
    /// The same when this is the only address.
    pub(crate) only_answer: Duration,
    /// How long a server that is no scheduler may take to show what it is.
    pub(crate) probe: Duration,
    /// How long any other call without a stream may take. Planning lists the inputs,
    /// which may take long.
    pub(crate) call: Duration,
    /// A scheduler that is silent for the sum of both is lost.
    pub(crate) keep_alive_interval: Duration,
    pub(crate) keep_alive_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(4),
            only_answer: Duration::from_secs(20),
            probe: Duration::from_secs(2),
            call: Duration::from_secs(60),
            keep_alive_interval: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(5),
        }
    }
}
