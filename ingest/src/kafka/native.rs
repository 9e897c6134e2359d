//! Receives librdkafka's messages, many at a time.
//!
//! The safe API returns one event at a time, with an allocation for each. It also
//! drops the offset of an end-of-partition event, which shows how far a partition
//! without further records was read. So this file calls librdkafka directly, as only
//! files of this folder do.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::record::{Record, RecordMetadata};

/// How many messages are requested at a time.
const BATCH_SIZE: usize = 1024;

/// An event from the consumer's queue.
pub(crate) enum Polled<'a> {
    Record(Record<'a>),
    /// The partition was read to its end; the end offset, if known.
    End {
        partition: i32,
        offset: Option<i64>,
    },
    /// A partition cannot be read now; without a partition, none can.
    Error {
        partition: Option<i32>,
        code: RDKafkaErrorCode,
        text: String,
    },
}

/// A message that librdkafka owns.
#[derive(Debug, Clone, Copy)]
struct NativeMessage<'a> {
    message: &'a sys::rd_kafka_message_t,
}

impl<'a> NativeMessage<'a> {
    /// # Safety
    /// `message` is valid for `'a`.
    unsafe fn new(message: *const sys::rd_kafka_message_t) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe { message.as_ref() }.map(|message| Self { message })
    }

    fn value(&self) -> Option<&'a [u8]> {
        borrow_bytes(self.message.payload, self.message.len)
    }
}

/// Borrows bytes that a message owns.
fn borrow_bytes<'a>(data: *const std::ffi::c_void, length: usize) -> Option<&'a [u8]> {
    if data.is_null() {
        return None;
    }
    // SAFETY: librdkafka guarantees the pointer and the length for as long as the
    // message lives, which the callers' lifetimes express.
    Some(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) })
}

impl RecordMetadata for NativeMessage<'_> {
    fn key(&self) -> Option<&[u8]> {
        borrow_bytes(self.message.key, self.message.key_len)
    }

    fn timestamp(&self) -> Option<(i64, bool)> {
        use sys::rd_kafka_timestamp_type_t::{
            RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME, RD_KAFKA_TIMESTAMP_NOT_AVAILABLE,
        };
        let mut kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, and `kind` is written to.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        let known = kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && millis >= 0;
        known.then_some((millis, kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME))
    }

    fn headers(&self, each: &mut dyn FnMut(&str, Option<&[u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is valid; it keeps owning the headers.
        let found = unsafe { sys::rd_kafka_message_headers(self.message, &raw mut headers) };
        if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
            return;
        }
        for index in 0.. {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the headers are valid, and the three are written to.
            let got = unsafe {
                sys::rd_kafka_header_get_all(
                    headers,
                    index,
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                )
            };
            if got != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return;
            }
            // SAFETY: a header's name ends with a NUL and lives as long as the
            // message.
            let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
            each(&name, borrow_bytes(value, size));
        }
    }
}

fn emit_message(native: NativeMessage<'_>, each: &mut dyn FnMut(Polled<'_>)) {
    let message = native.message;
    match message.err {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => each(Polled::Record(Record {
            partition: message.partition,
            offset: message.offset,
            value: native.value(),
            metadata: &native,
        })),
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => each(Polled::End {
            partition: message.partition,
            offset: (message.offset >= 0).then_some(message.offset),
        }),
        error => {
            // SAFETY: the message is valid; the text lives as long as it does.
            let text = unsafe { sys::rd_kafka_message_errstr(message) };
            let text = if text.is_null() {
                String::new()
            } else {
                // SAFETY: it is not null and ends with a NUL.
                unsafe { CStr::from_ptr(text) }
                    .to_string_lossy()
                    .into_owned()
            };
            each(Polled::Error {
                partition: (message.partition >= 0).then_some(message.partition),
                code: error.into(),
                text,
            });
        }
    }
}

/// Passes a message of the safe API to `each`, in the same form as a batch does.
pub(crate) fn emit_borrowed_message(
    message: &BorrowedMessage<'_>,
    each: &mut dyn FnMut(Polled<'_>),
) {
    // SAFETY: the message is borrowed for this call.
    if let Some(native) = unsafe { NativeMessage::new(message.ptr()) } {
        emit_message(native, each);
    }
}

/// The queue of a consumer whose partitions are assigned by hand.
pub(crate) struct BatchQueue<'c> {
    queue: NonNull<sys::rd_kafka_queue_t>,
    messages: Vec<*mut sys::rd_kafka_message_t>,
    consumer: PhantomData<&'c ()>,
}

impl<'c> BatchQueue<'c> {
    /// `None` for a consumer without a group.
    pub(crate) fn new<C: ConsumerContext>(consumer: &'c BaseConsumer<C>) -> Option<Self> {
        // SAFETY: the client is valid as long as `consumer`, which is borrowed.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        Some(Self {
            queue: NonNull::new(queue)?,
            messages: vec![ptr::null_mut(); BATCH_SIZE],
            consumer: PhantomData,
        })
    }

    fn fetch_messages(&mut self, most: usize, wait: Duration) -> usize {
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        let most = most.min(self.messages.len());
        // SAFETY: the queue is valid, and the array has room for `most`.
        let count = unsafe {
            sys::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                wait,
                self.messages.as_mut_ptr(),
                most,
            )
        };
        usize::try_from(count).unwrap_or(0)
    }

    /// Passes all available events to `each`, or waits up to `wait` for the first
    /// one. Returns how many there were.
    pub(crate) fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(Polled<'_>)) -> usize {
        // With a wait, librdkafka waits until the whole array is full. So take
        // what is there first, and wait for a single message only.
        let count = match self.fetch_messages(BATCH_SIZE, Duration::ZERO) {
            0 => self.fetch_messages(1, wait),
            count => count,
        };
        for message in self.messages.iter_mut().take(count) {
            let message = std::mem::replace(message, ptr::null_mut());
            // SAFETY: librdkafka has just passed ownership of the message, it is
            // destroyed once, and what is borrowed from it ends with the call.
            unsafe {
                if let Some(native) = NativeMessage::new(message) {
                    emit_message(native, each);
                    sys::rd_kafka_message_destroy(message);
                }
            }
        }
        count
    }
}

impl Drop for BatchQueue<'_> {
    fn drop(&mut self) {
        // SAFETY: this object owns the queue's reference, and the client is
        // still alive.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}
