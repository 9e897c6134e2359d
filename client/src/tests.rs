//! submit-job as a whole against a scripted scheduler, over real gRPC on its own
//! port.

mod fake;
mod jobs;
mod list_watch;
mod losses;
mod queries;
mod questions;
mod signals;
mod top;
mod world;
