//! Runs the example job on generated data, on a cluster, with `local` and with
//! DuckDB.

use clap::Parser;
use sluice_benches::landing_to_gold::{BenchArgs, run_benchmarks};

fn main() -> anyhow::Result<()> {
    run_benchmarks(&BenchArgs::parse(), &mut std::io::stdout().lock())
}
