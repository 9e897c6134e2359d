//! Everything that talks to brokers.

mod client_config;
mod consumer;
mod metadata;
mod native;
mod record;
mod topic_id;

pub use client_config::ClientConfigError;
pub(crate) use consumer::{RecordFeed, SharedConsumer, TopicConsumer, create_consumer};
pub use metadata::KafkaError;
pub(crate) use metadata::TopicMetadata;
pub(crate) use native::Polled;
pub(crate) use record::Record;

#[cfg(test)]
pub(crate) use {metadata::OffsetBounds, record::RecordMetadata};
