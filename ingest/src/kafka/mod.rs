//! Everything that talks to brokers.

mod client_config;
mod consumer;
mod metadata;
mod native;
mod topic_id;

pub use client_config::ClientConfigError;
pub(crate) use consumer::{SharedConsumer, TopicConsumer, create_consumer};
pub use metadata::KafkaError;
pub(crate) use native::Polled;
