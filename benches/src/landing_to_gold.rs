//! Runs the example job on much generated data, on little data, and on a scheduler
//! with many past jobs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::report::{best, mebibytes, median};
use crate::submit::{self, SubmitRun};
use crate::{data, duckdb};

/// About as many lines as the original sample data.
const SMALL_DATA: &[&str] = &[
    "--user-events",
    "602",
    "--transactions",
    "637",
    "--days",
    "2",
];

/// Runs jobs/landing_to_gold.sql on a cluster, in process and by DuckDB in turn,
/// and prints how long each took and how much memory it held.
#[derive(Debug, Clone, Parser)]
#[command(name = "landing-to-gold", version)]
pub struct BenchArgs {
    /// How much landing data
    #[arg(long, value_name = "SIZE", default_value = "1.5GB")]
    bytes: String,
    /// How many times each engine runs; the first also fills the page cache
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Executors of one core each; `local` and DuckDB get as many threads
    #[arg(long, value_name = "N", default_value_t = 2)]
    executors: usize,
    /// Memory of each executor
    #[arg(long, value_name = "SIZE", default_value = "512MB")]
    memory: String,
    /// Where scheduler, executor and submit-job are; by default next to this program
    #[arg(long, value_name = "DIR", default_value_os_t = own_folder(), hide_default_value = true)]
    binaries: PathBuf,
    /// The folder in which generated data is kept for later runs
    #[arg(long, value_name = "DIR", default_value = "target/bench-data")]
    data: PathBuf,
    /// The job file
    #[arg(long, value_name = "FILE", default_value = "jobs/landing_to_gold.sql")]
    job: PathBuf,
    /// A Python with the duckdb package; without it DuckDB is left out
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    python: String,
    /// Runs on about 1,200 lines, from the start of submit-job to its exit; 0 leaves them out
    #[arg(long, value_name = "N", default_value_t = 20)]
    small_runs: usize,
    /// Past jobs with which submit, list and status are measured a second time; 0 leaves this out
    #[arg(long, value_name = "N", default_value_t = 0)]
    past_jobs: usize,
}

fn own_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().map(Path::to_owned).unwrap_or_default()
}

/// One run of the benchmarks.
struct Bench<'a, W> {
    args: &'a BenchArgs,
    /// Holds the gold, state and work folders; removed at the end.
    scratch: tempfile::TempDir,
    folder_number: usize,
    out: &'a mut W,
}

/// Runs all benchmarks and prints the results on `out`.
///
/// # Errors
/// When something cannot be run; being slow is not an error.
pub fn run_benchmarks(args: &BenchArgs, out: &mut impl Write) -> anyhow::Result<()> {
    fs::create_dir_all(&args.data)
        .with_context(|| format!("cannot create {}", args.data.display()))?;
    // In the data folder, so that gold is on a real disk and not in memory.
    let scratch = tempfile::tempdir_in(&args.data).context("cannot create a scratch folder")?;
    let mut bench = Bench {
        args,
        scratch,
        folder_number: 0,
        out,
    };
    bench.bench_large()?;
    if args.small_runs > 0 {
        bench.bench_small()?;
    }
    if args.past_jobs > 0 {
        bench.bench_past_jobs()?;
    }
    Ok(())
}

impl<W: Write> Bench<'_, W> {
    fn bench_large(&mut self) -> anyhow::Result<()> {
        let args = self.args;
        let landing = data::cached_landing(
            &args.data,
            &["--bytes", &args.bytes, "--files", "4"],
            self.out,
        )?;
        let bytes = data::folder_bytes(&landing)?;
        writeln!(
            self.out,
            "\n{} of landing, {} executors of one core and {}",
            mebibytes(bytes),
            args.executors,
            args.memory
        )?;
        let cluster = self.start_cluster()?;
        let with_duckdb = duckdb::has_duckdb(&args.python);
        if !with_duckdb {
            writeln!(
                self.out,
                "DuckDB is left out: {} does not have it",
                args.python
            )?;
        }
        let mut seconds = RoundSeconds::default();
        for round in 1..=args.rounds {
            writeln!(self.out, "\nround {round}")?;
            cluster.reset_peak_memory();
            let run = self.submit_job(&cluster.master(), &landing)?;
            self.print_run("cluster", &run, &cluster.peak_memory())?;
            seconds.cluster.push(run.seconds);
            let run = self.submit_job(&format!("local[{}]", args.executors), &landing)?;
            self.print_run("local", &run, &[])?;
            seconds.local.push(run.seconds);
            if with_duckdb {
                seconds.duckdb.push(self.bench_duckdb(&landing)?);
            }
        }
        self.print_seconds(&seconds)
    }

    fn print_seconds(&mut self, seconds: &RoundSeconds) -> anyhow::Result<()> {
        writeln!(self.out, "\n{:<10}{:>8}{:>8}", "seconds", "best", "median")?;
        for (name, seconds) in [
            ("cluster", &seconds.cluster),
            ("local", &seconds.local),
            ("DuckDB", &seconds.duckdb),
        ] {
            if !seconds.is_empty() {
                writeln!(
                    self.out,
                    "{name:<10}{:>8.2}{:>8.2}",
                    best(seconds),
                    median(seconds)
                )?;
            }
        }
        if !seconds.duckdb.is_empty() {
            let ratio = |other: &[f64]| median(other) / median(&seconds.duckdb);
            writeln!(
                self.out,
                "of DuckDB's time (medians): cluster {:.2}, local {:.2}",
                ratio(&seconds.cluster),
                ratio(&seconds.local)
            )?;
        }
        Ok(())
    }

    fn bench_small(&mut self) -> anyhow::Result<()> {
        let args = self.args;
        let landing = data::cached_landing(&args.data, SMALL_DATA, self.out)?;
        let cluster = self.start_cluster()?;
        writeln!(
            self.out,
            "\n{} runs on about 600 lines of each topic",
            args.small_runs
        )?;
        for (name, master) in [
            ("cluster", cluster.master()),
            ("local", "local[*]".to_owned()),
        ] {
            let cold = self.submit_job(&master, &landing)?.seconds;
            let mut seconds = Vec::new();
            for _ in 0..args.small_runs {
                seconds.push(self.submit_job(&master, &landing)?.seconds);
            }
            writeln!(
                self.out,
                "{name:<10} first {cold:.3} s, then best {:.3} s, median {:.3} s",
                best(&seconds),
                median(&seconds)
            )?;
        }
        Ok(())
    }

    fn bench_past_jobs(&mut self) -> anyhow::Result<()> {
        let args = self.args;
        let landing = data::cached_landing(&args.data, SMALL_DATA, self.out)?;
        let cluster = self.start_cluster()?;
        let master = cluster.master();
        writeln!(self.out, "\nwith past jobs, medians of 10")?;
        self.submit_job(&master, &landing)?;
        self.print_calls(&master, &landing, 1)?;
        for _ in 0..args.past_jobs {
            self.submit_job(&master, &landing)?;
        }
        self.print_calls(&master, &landing, args.past_jobs + 11)
    }

    fn print_calls(&mut self, master: &str, landing: &Path, jobs: usize) -> anyhow::Result<()> {
        let (mut submit, mut list, mut status) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..10 {
            let run = self.submit_job(master, landing)?;
            submit.push(run.seconds);
            let id = job_id(&run.json()?).context("the result names no job")?;
            let binaries = &self.args.binaries;
            list.push(submit::run_submit_job(binaries, &["--master", master, "--list"])?.seconds);
            status.push(
                submit::run_submit_job(binaries, &["--master", master, "--status", &id])?.seconds,
            );
        }
        writeln!(
            self.out,
            "{jobs:>6} past jobs: submit to exit {:.3} s, list {:.3} s, status {:.3} s",
            median(&submit),
            median(&list),
            median(&status)
        )?;
        Ok(())
    }

    fn start_cluster(&mut self) -> anyhow::Result<Cluster> {
        let folder = self
            .scratch
            .path()
            .join(format!("cluster-{}", self.folder_number));
        fs::create_dir_all(&folder).context("cannot create the cluster's folder")?;
        Cluster::start(
            &self.args.binaries,
            &folder,
            self.args.executors,
            &self.args.memory,
        )
    }

    /// Runs the job into a new gold folder, which is removed afterwards.
    fn submit_job(&mut self, master: &str, landing: &Path) -> anyhow::Result<SubmitRun> {
        let gold = self.fresh_folder("gold");
        let run = submit::run_submit_job(
            &self.args.binaries,
            &[
                "--master".as_ref(),
                master.as_ref(),
                "--output".as_ref(),
                "json".as_ref(),
                self.args.job.as_os_str(),
                "--landing".as_ref(),
                landing.as_os_str(),
                "--gold".as_ref(),
                gold.as_os_str(),
            ],
        )?;
        fs::remove_dir_all(&gold).context("cannot remove gold")?;
        Ok(run)
    }

    fn bench_duckdb(&mut self, landing: &Path) -> anyhow::Result<f64> {
        let folder = self.fresh_folder("duckdb");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("duckdb_landing_to_gold.py");
        let run = duckdb::run_duckdb(
            &self.args.python,
            &script,
            landing,
            &folder,
            self.args.executors,
        )?;
        fs::remove_dir_all(&folder).context("cannot remove DuckDB's output")?;
        writeln!(
            self.out,
            "DuckDB {}: {:.2} s, {}",
            run.version,
            run.seconds,
            mebibytes(run.peak_memory)
        )?;
        for table in &run.tables {
            self.print_table(&table.name, table.rows, table.bytes, table.seconds)?;
        }
        Ok(run.seconds)
    }

    fn fresh_folder(&mut self, kind: &str) -> PathBuf {
        self.folder_number += 1;
        self.scratch
            .path()
            .join(format!("{kind}-{}", self.folder_number))
    }

    fn print_run(
        &mut self,
        name: &str,
        run: &SubmitRun,
        others: &[(String, u64)],
    ) -> anyhow::Result<()> {
        let all: u64 = others.iter().map(|(_, bytes)| bytes).sum::<u64>() + run.peak_memory;
        let parts: Vec<String> = others
            .iter()
            .map(|(process, bytes)| format!("{process} {}", mebibytes(*bytes)))
            .chain([format!("submit-job {}", mebibytes(run.peak_memory))])
            .collect();
        writeln!(
            self.out,
            "{name}: {:.2} s, {} in all processes ({})",
            run.seconds,
            mebibytes(all),
            parts.join(", ")
        )?;
        for dataset in datasets(&run.json()?) {
            let number = |field: &str| {
                dataset
                    .get(field)
                    .and_then(Value::as_u64)
                    .unwrap_or_default()
            };
            let name = dataset.get("name").and_then(Value::as_str).unwrap_or("?");
            let seconds = dataset
                .get("seconds")
                .and_then(Value::as_f64)
                .unwrap_or_default();
            self.print_table(name, number("rows"), number("bytes"), seconds)?;
        }
        Ok(())
    }

    fn print_table(
        &mut self,
        name: &str,
        rows: u64,
        bytes: u64,
        seconds: f64,
    ) -> anyhow::Result<()> {
        writeln!(
            self.out,
            "  {name:<24}{rows:>10} rows {:>9} {seconds:>7.2} s",
            mebibytes(bytes)
        )?;
        Ok(())
    }
}

/// How long the rounds took, by what ran the job.
#[derive(Debug, Default)]
struct RoundSeconds {
    cluster: Vec<f64>,
    local: Vec<f64>,
    /// Empty without DuckDB.
    duckdb: Vec<f64>,
}

/// The job in submit-job's JSON: the document itself, or its field `job`.
fn job_object(document: &Value) -> &Value {
    document.get("job").unwrap_or(document)
}

fn job_id(document: &Value) -> Option<String> {
    job_object(document)
        .get("job_id")
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn datasets(document: &Value) -> Vec<Value> {
    job_object(document)
        .get("datasets")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}
