mod mock;
mod plan;
mod source;
mod words;
mod world;
