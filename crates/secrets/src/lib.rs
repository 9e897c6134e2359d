//! Keeps secrets out of all output.
//!
//! The names of settings, parameters and environment variables mark their values
//! as secrets ([`is_secret_name`]). Where a value is shown with its name,
//! [`redact_value`] replaces it. All text that leaves a process goes through
//! [`Secrets::redact`], which replaces the values of the secrets that the process
//! knows, and credentials in URLs. [`Secret`] is a value that `Debug` does not
//! show.

mod names;
mod redact;
mod secret;

pub use names::is_secret_name;
pub use redact::{REDACTED, Secrets, redact_value, redact_values};
pub use secret::Secret;
