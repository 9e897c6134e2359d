//! submit-job as a whole against a scheduler that plays a script, over real
//! gRPC on a port of its own.

mod fake;
mod jobs;
mod losses;
mod questions;
mod signals;
mod world;
