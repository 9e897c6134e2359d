//! Fetches the first or last offsets of many partitions in one request.
//!
//! The safe API asks for one partition at a time, and only for the end that the
//! client's own isolation level sees.

use std::collections::BTreeMap;

use rdkafka::bindings as sys;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use super::admin_request::{AdminRequest, Waiting};

/// Which offset of a partition to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OffsetKind {
    /// The first one that still exists.
    Earliest,
    /// The one after the last record that can be read: the end of the log, or the
    /// first open transaction.
    LastStable,
    /// The one after the last record, whether its transaction is open or not.
    End,
}

/// The offsets of these partitions of a topic.
///
/// # Safety
/// `client` is a valid librdkafka client for the whole call.
pub(super) unsafe fn list_offsets(
    client: *mut sys::rd_kafka_t,
    (topic, partitions): (&str, impl IntoIterator<Item = i32>),
    kind: OffsetKind,
    waiting: &Waiting<'_>,
) -> Result<BTreeMap<i32, i64>, RDKafkaErrorCode> {
    let mut wanted = TopicPartitionList::new();
    let spec = match kind {
        OffsetKind::Earliest => Offset::Beginning,
        OffsetKind::LastStable | OffsetKind::End => Offset::End,
    };
    for partition in partitions {
        wanted
            .add_partition_offset(topic, partition, spec)
            .map_err(|_| RDKafkaErrorCode::InvalidArgument)?;
    }
    if wanted.count() == 0 {
        return Ok(BTreeMap::new());
    }
    let isolation = match kind {
        OffsetKind::LastStable => {
            sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
        }
        OffsetKind::Earliest | OffsetKind::End => {
            sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED
        }
    };
    // SAFETY: the list, the options and the queue live to the end of this
    // function; the result belongs to the event, and is copied from it.
    unsafe {
        let operation = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS;
        let request = AdminRequest::new(client, operation, waiting)?;
        let problem =
            sys::rd_kafka_AdminOptions_set_isolation_level(request.options.pointer, isolation);
        if !problem.is_null() {
            sys::rd_kafka_error_destroy(problem);
            return Err(RDKafkaErrorCode::InvalidArgument);
        }
        sys::rd_kafka_ListOffsets(
            client,
            wanted.ptr(),
            request.options.pointer,
            request.queue.pointer,
        );
        let event = request.wait(waiting)?;
        let result = sys::rd_kafka_event_ListOffsets_result(event.pointer);
        if result.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let mut count = 0;
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        let mut offsets = BTreeMap::new();
        for index in 0..count {
            let info = *infos.add(index);
            let answer = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info);
            let Some(answer) = answer.as_ref() else {
                return Err(RDKafkaErrorCode::Fail);
            };
            if answer.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(answer.err.into());
            }
            offsets.insert(answer.partition, answer.offset);
        }
        Ok(offsets)
    }
}
