//! Vectorized scanning of JSON bytes; the only module of the crate with `unsafe`.
//!
//! Two kinds of work are worth vector instructions here:
//!
//! - **Short ranges** (the inside of a string, a number): 16 bytes at a time. On
//!   x86-64 that is SSE2, which every such CPU has, so the code is inlined
//!   where it is used and nothing is chosen at run time.
//! - **Whole containers that are skipped**: 64 bytes at a time with bit masks, as
//!   in Langdale and Lemire, "Parsing Gigabytes of JSON per Second" (2019),
//!   section 3.1. AVX2 with carry-less multiplication is chosen at run time
//!   and SSE2 is the fallback: a call per container is cheap enough.
//!
//! Other architectures use the portable functions. The tests compare the vector
//! code with them.
//!
//! Contract of every function: `src` ends with a line feed, and no scan goes
//! beyond a line feed, so a broken line cannot affect the next one.

pub(crate) mod portable;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{copy_plain, find_plain_end, find_scalar_end, skip_container};

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use portable::{copy_plain, find_plain_end, find_scalar_end, skip_container};

mod trusted;
pub(crate) use trusted::string_array;

#[cfg(test)]
mod tests;
