//! Fetches a topic's id, which changes when the topic is deleted and recreated.
//! The safe API does not offer it.

use std::ffi::{CStr, CString};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaRespErr;

/// A pointer that is destroyed when it is dropped.
struct OwnedPointer<T> {
    pointer: *mut T,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> OwnedPointer<T> {
    fn new(pointer: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Option<Self> {
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

/// The id of a topic; `None` when the broker does not report it (before Kafka
/// 2.8) or does not answer in time.
///
/// # Safety
/// `client` is a valid librdkafka client for the whole call.
pub(super) unsafe fn fetch_topic_id(
    client: *mut sys::rd_kafka_t,
    topic: &str,
    timeout: Duration,
) -> Option<String> {
    let topic = CString::new(topic).ok()?;
    let timeout = i32::try_from(timeout.as_millis()).ok()?;
    let mut names = [topic.as_ptr()];
    // SAFETY: every pointer is checked when it is made and lives to the end of
    // this function; the result belongs to the event, and is copied from it.
    unsafe {
        let topics = OwnedPointer::new(
            sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
            sys::rd_kafka_TopicCollection_destroy,
        )?;
        let options = OwnedPointer::new(
            sys::rd_kafka_AdminOptions_new(
                client,
                sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
            ),
            sys::rd_kafka_AdminOptions_destroy,
        )?;
        let mut problem = [0; 128];
        sys::rd_kafka_AdminOptions_set_request_timeout(
            options.pointer,
            timeout,
            problem.as_mut_ptr(),
            problem.len(),
        );
        let queue =
            OwnedPointer::new(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy)?;
        sys::rd_kafka_DescribeTopics(client, topics.pointer, options.pointer, queue.pointer);
        let event = OwnedPointer::new(
            sys::rd_kafka_queue_poll(queue.pointer, timeout),
            sys::rd_kafka_event_destroy,
        )?;
        if sys::rd_kafka_event_error(event.pointer) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event.pointer);
        if result.is_null() {
            return None;
        }
        let mut count = 0;
        let described = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if described.is_null() || count == 0 {
            return None;
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(*described);
        if id.is_null()
            || (sys::rd_kafka_Uuid_most_significant_bits(id) == 0
                && sys::rd_kafka_Uuid_least_significant_bits(id) == 0)
        {
            return None;
        }
        let text = sys::rd_kafka_Uuid_base64str(id);
        if text.is_null() {
            return None;
        }
        Some(CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}
