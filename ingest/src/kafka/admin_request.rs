//! One request of librdkafka's admin API, which the safe API does not offer for
//! consumers: its options, the queue for its answer, and the answer.

use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::stop_deadline::StopDeadline;

/// A pointer that is destroyed when it is dropped.
pub(super) struct OwnedPointer<T> {
    pub(super) pointer: *mut T,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> OwnedPointer<T> {
    /// `None` for a null pointer.
    pub(super) fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Option<Self> {
        (!pointer.is_null()).then_some(Self { pointer, destroy })
    }
}

impl<T> Drop for OwnedPointer<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the constructor that belongs to
        // `destroy`, and nothing else destroys it.
        unsafe { (self.destroy)(self.pointer) };
    }
}

/// How often something else is done while a request waits for its answer.
const WAIT_INTERVAL: Duration = Duration::from_millis(200);

/// How the answer of a request is waited for.
pub(super) struct Waiting<'a> {
    /// How long.
    pub(super) timeout: Duration,
    /// How long after a request to stop, which cuts it short.
    pub(super) after_stop: Duration,
    pub(super) stop: &'a StopDeadline,
    /// Called repeatedly meanwhile.
    pub(super) on_wait: &'a dyn Fn(),
}

/// A request that is being prepared or waited for.
pub(super) struct AdminRequest {
    pub(super) options: OwnedPointer<sys::rd_kafka_AdminOptions_t>,
    pub(super) queue: OwnedPointer<sys::rd_kafka_queue_t>,
    begun: Instant,
}

impl AdminRequest {
    /// # Safety
    /// `client` is a valid librdkafka client for as long as the request lives.
    pub(super) unsafe fn new(
        client: *mut sys::rd_kafka_t,
        operation: sys::rd_kafka_admin_op_t,
        waiting: &Waiting<'_>,
    ) -> Result<Self, RDKafkaErrorCode> {
        let timeout_ms = i32::try_from(waiting.timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the caller's promise; both pointers are checked.
        unsafe {
            let options = OwnedPointer::new(
                sys::rd_kafka_AdminOptions_new(client, operation),
                sys::rd_kafka_AdminOptions_destroy,
            );
            let queue =
                OwnedPointer::new(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy);
            let (Some(options), Some(queue)) = (options, queue) else {
                return Err(RDKafkaErrorCode::Fail);
            };
            let mut problem = [0; 128];
            sys::rd_kafka_AdminOptions_set_request_timeout(
                options.pointer,
                timeout_ms,
                problem.as_mut_ptr(),
                problem.len(),
            );
            Ok(Self {
                options,
                queue,
                begun: Instant::now(),
            })
        }
    }

    /// Waits for the answer.
    pub(super) fn wait(
        &self,
        waiting: &Waiting<'_>,
    ) -> Result<OwnedPointer<sys::rd_kafka_event_t>, RDKafkaErrorCode> {
        loop {
            let deadline = self.begun + waiting.timeout;
            let deadline = waiting
                .stop
                .shorten(self.begun, deadline, waiting.after_stop);
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = left.min(WAIT_INTERVAL).as_millis();
            let wait = i32::try_from(wait).unwrap_or(i32::MAX);
            // SAFETY: the queue is valid; an event that is not null is ours to destroy.
            let event = unsafe {
                OwnedPointer::new(
                    sys::rd_kafka_queue_poll(self.queue.pointer, wait),
                    sys::rd_kafka_event_destroy,
                )
            };
            (waiting.on_wait)();
            match event {
                // SAFETY: the event is valid.
                Some(event) => match unsafe { sys::rd_kafka_event_error(event.pointer) } {
                    RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => return Ok(event),
                    code => return Err(code.into()),
                },
                None if left.is_zero() => return Err(RDKafkaErrorCode::RequestTimedOut),
                None => {}
            }
        }
    }
}
