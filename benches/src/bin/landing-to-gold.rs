//! Runs the example job on generated data, on a cluster, with `local` and with
//! DuckDB.

use clap::Parser;
use sluice_benches::landing_to_gold::{Args, run};

fn main() -> anyhow::Result<()> {
    run(&Args::parse(), &mut std::io::stdout().lock())
}
