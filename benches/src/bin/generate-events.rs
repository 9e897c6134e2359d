//! Writes sample events into a landing folder.

use clap::Parser;
use sluice_sample_events::generate::{GenerateArgs, run_generator};

fn main() -> anyhow::Result<()> {
    run_generator(&GenerateArgs::parse(), &mut std::io::stdout().lock())?;
    Ok(())
}
