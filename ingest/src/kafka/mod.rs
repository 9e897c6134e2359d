//! Everything that talks to brokers.

mod admin_request;
mod client_config;
mod client_log;
mod connection_problem;
mod consumer;
mod error;
mod group_context;
mod known_problems;
mod list_offsets;
mod log_queue;
mod metadata;
mod native;
mod record;
mod stop_deadline;
mod topic_id;
mod topic_query;

pub use client_config::ClientConfigError;
pub use connection_problem::{ConnectionCause, ConnectionProblem};
pub(crate) use consumer::{
    RecordFeed, STOP_TIMEOUT, SharedConsumer, TopicConsumer, create_consumer,
};
pub use error::KafkaError;
pub(crate) use metadata::TopicMetadata;
pub(crate) use native::Polled;
pub(crate) use record::Record;
pub(crate) use stop_deadline::StopDeadline;

#[cfg(test)]
pub(crate) use {metadata::OffsetBounds, record::RecordMetadata};
