//! Fetches a topic's id, which changes when the topic is deleted and recreated.

use std::ffi::{CStr, CString};

use rdkafka::bindings as sys;
use rdkafka::types::RDKafkaErrorCode;

use super::admin_request::{AdminRequest, OwnedPointer, Waiting};

/// The id of a topic; `None` when the broker does not report ids (before Kafka
/// 2.8).
///
/// # Safety
/// `client` is a valid librdkafka client for the whole call.
pub(super) unsafe fn fetch_topic_id(
    client: *mut sys::rd_kafka_t,
    topic: &str,
    waiting: &Waiting<'_>,
) -> Result<Option<String>, RDKafkaErrorCode> {
    let topic = CString::new(topic).map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
    let mut names = [topic.as_ptr()];
    // SAFETY: every pointer is checked when it is made and lives to the end of
    // this function; the result belongs to the event, and is copied from it.
    unsafe {
        let topics = OwnedPointer::new(
            sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len()),
            sys::rd_kafka_TopicCollection_destroy,
        )
        .ok_or(RDKafkaErrorCode::Fail)?;
        let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let request = AdminRequest::new(client, operation, waiting)?;
        sys::rd_kafka_DescribeTopics(
            client,
            topics.pointer,
            request.options.pointer,
            request.queue.pointer,
        );
        let event = request.wait(waiting)?;
        let result = sys::rd_kafka_event_DescribeTopics_result(event.pointer);
        if result.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let mut count = 0;
        let described = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if described.is_null() || count == 0 {
            return Err(RDKafkaErrorCode::Fail);
        }
        let error = sys::rd_kafka_TopicDescription_error(*described);
        if !error.is_null()
            && sys::rd_kafka_error_code(error)
                != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            return Err(sys::rd_kafka_error_code(error).into());
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(*described);
        if id.is_null()
            || (sys::rd_kafka_Uuid_most_significant_bits(id) == 0
                && sys::rd_kafka_Uuid_least_significant_bits(id) == 0)
        {
            return Ok(None);
        }
        let text = sys::rd_kafka_Uuid_base64str(id);
        if text.is_null() {
            return Ok(None);
        }
        Ok(Some(CStr::from_ptr(text).to_string_lossy().into_owned()))
    }
}
