//! The example job on generated data: a cluster, `local` and DuckDB in turn.

use clap::Parser;
use sluice_benches::landing_to_gold::{Args, run};

fn main() -> anyhow::Result<()> {
    run(&Args::parse(), &mut std::io::stdout().lock())
}
