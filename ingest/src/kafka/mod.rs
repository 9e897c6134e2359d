//! Everything that talks to brokers.

mod conf;
mod consumer;
mod facts;
mod native;
mod topic_id;

pub use conf::ConfError;
pub(crate) use consumer::{Consumer, SharedConsumer, connect};
pub use facts::KafkaError;
pub(crate) use native::Polled;
