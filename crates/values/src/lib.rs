//! What users write on command lines, in configuration files and in job files:
//! sizes, durations, time zones and names. One text means the same value in all of them.

mod duration;
mod size;
mod suggest;
mod time_zone;

pub use duration::{parse_duration, parse_positive_duration};
pub use size::parse_size;
pub use suggest::{did_you_mean, list_names, nearest_name, suggest_or_list};
pub use time_zone::TimeZone;
