//! The log lines of a client, in a queue of their own.
//!
//! They would otherwise wait in the queue of the records, which is not read while a
//! question blocks, and from which the calls for batches drop them. Only they say why a
//! connection fails: the error of a question does not.

use std::ffi::{CStr, c_char};
use std::ptr;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

use super::admin_request::OwnedPointer;

/// The queue of a client's log lines.
pub(super) struct LogQueue {
    queue: OwnedPointer<sys::rd_kafka_queue_t>,
}

// SAFETY: librdkafka's queues have locks of their own, and may be used and destroyed by
// any thread.
unsafe impl Send for LogQueue {}
// SAFETY: as above.
unsafe impl Sync for LogQueue {}

impl LogQueue {
    /// Redirects a client's log lines. `None` when that is not possible.
    ///
    /// # Safety
    /// `client` is a valid librdkafka client for as long as the queue lives.
    pub(super) unsafe fn attach_to(client: *mut sys::rd_kafka_t) -> Option<Self> {
        // SAFETY: the caller's promise; the queue is checked.
        unsafe {
            let queue =
                OwnedPointer::new(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy)?;
            let result = sys::rd_kafka_set_log_queue(client, queue.pointer);
            (result == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).then_some(Self { queue })
        }
    }

    /// Passes the lines that are there to `each`, with their level (as in syslog) and
    /// facility.
    pub(super) fn read_lines(&self, each: &mut dyn FnMut(i32, &str, &str)) {
        loop {
            // SAFETY: the queue is valid; an event that is not null is ours to destroy.
            let event = unsafe {
                OwnedPointer::new(
                    sys::rd_kafka_queue_poll(self.queue.pointer, 0),
                    sys::rd_kafka_event_destroy,
                )
            };
            let Some(event) = event else { return };
            let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the event is valid, and the three are written to.
            let result = unsafe {
                sys::rd_kafka_event_log(
                    event.pointer,
                    &raw mut facility,
                    &raw mut line,
                    &raw mut level,
                )
            };
            if result == 0 {
                // SAFETY: the texts end with a NUL and live as long as the event.
                let (facility, line) = unsafe { (copy_text(facility), copy_text(line)) };
                each(level, facility.trim(), line.trim());
            }
        }
    }
}

/// # Safety
/// `text` is null, or ends with a NUL.
unsafe fn copy_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}
