mod harness;
mod messages;
mod mock;
mod plan;
mod source;
