//! A cluster of real processes in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;
use crate::submit::{self, Output, RunningProgram};
use crate::{http, loopback, wait};

/// The settings of a cluster to start.
#[derive(Debug)]
pub struct ClusterBuilder {
    executors: usize,
    scheduler_args: Vec<String>,
    environment: Vec<(String, String)>,
}

impl ClusterBuilder {
    /// The number of executors, of one core each; the default is two.
    pub fn executors(mut self, count: usize) -> Self {
        self.executors = count;
        self
    }

    /// Sets an option of the scheduler.
    pub fn scheduler_option(mut self, flag: &str, value: &str) -> Self {
        match self.scheduler_args.iter().position(|arg| arg == flag) {
            Some(at) => value.clone_into(&mut self.scheduler_args[at + 1]),
            None => self
                .scheduler_args
                .extend([flag.to_owned(), value.to_owned()]),
        }
        self
    }

    /// Sets environment variables of every process of the cluster.
    pub fn environment(mut self, variables: Vec<(String, String)>) -> Self {
        self.environment = variables;
        self
    }

    /// Starts all processes and waits until the executors have registered.
    pub fn start(self) -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        // A scheduler that is restarted finds its ports free.
        let any_port = format!("{}:0", loopback::own_address());
        let any = (any_port.clone(), any_port);
        let scheduler =
            start_scheduler(folder.path(), &any, &self.scheduler_args, &self.environment);
        let addresses = (
            scheduler.announced_value("grpc"),
            scheduler.announced_value("http"),
        );
        let mut cluster = Cluster {
            scheduler,
            executors: Vec::new(),
            addresses,
            scheduler_args: self.scheduler_args,
            environment: self.environment,
            executors_started: 0,
            folder,
        };
        for _ in 0..self.executors {
            cluster.add_executor();
        }
        cluster.wait_for_executors(self.executors);
        cluster
    }
}

/// One executor and its folder.
#[derive(Debug)]
pub struct Executor {
    pub process: Process,
    pub work_dir: PathBuf,
}

/// How an executor differs from the others.
#[derive(Debug, Default)]
pub struct ExecutorOptions {
    /// Where it looks for the scheduler, if not at the scheduler's own address.
    pub scheduler: Option<String>,
    /// The value of `--memory`, if not 512MB.
    pub memory: Option<String>,
    /// Whether `--memory` is left out.
    pub has_default_memory: bool,
}

/// A scheduler and its executors. They are killed on drop; their logs are shown
/// when the test fails.
#[derive(Debug)]
pub struct Cluster {
    pub scheduler: Process,
    pub executors: Vec<Executor>,
    /// The addresses of gRPC and HTTP.
    addresses: (String, String),
    scheduler_args: Vec<String>,
    environment: Vec<(String, String)>,
    executors_started: usize,
    folder: TempDir,
}

impl Cluster {
    pub fn builder() -> ClusterBuilder {
        // On a busy machine a process may get no processor for seconds. An executor
        // that dies is noticed at once, by its connection.
        let args = ["--executor-timeout", "30s", "--drain-timeout", "2s"];
        ClusterBuilder {
            executors: 2,
            scheduler_args: args.map(str::to_owned).to_vec(),
            environment: Vec::new(),
        }
    }

    /// Starts a cluster with two executors of one core each.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A path in the cluster's folder; the file or folder does not exist yet.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn master(&self) -> String {
        format!("sluice://{}", self.addresses.0)
    }

    /// The address where executors reach the scheduler.
    pub fn grpc_address(&self) -> &str {
        &self.addresses.0
    }

    /// Adds an executor without waiting for its registration.
    pub fn add_executor(&mut self) {
        self.add_executor_with(&ExecutorOptions::default());
    }

    /// [`Cluster::add_executor`] with options.
    pub fn add_executor_with(&mut self, options: &ExecutorOptions) {
        self.executors_started += 1;
        let work_dir = self.path(&format!("executor-{}", self.executors_started));
        let mut command = Command::new(env!("CARGO_BIN_EXE_executor"));
        submit::clear_environment(&mut command);
        command
            .envs(self.environment.iter().cloned())
            .current_dir(self.folder.path())
            .args([
                "--scheduler",
                options.scheduler.as_ref().unwrap_or(&self.addresses.0),
                "--vcores",
                "1",
                "--http",
                "127.0.0.1:0",
            ])
            // Tasks take their time on a busy machine.
            .args(["--drain-timeout", "20s", "--work-dir"])
            .arg(&work_dir);
        if !options.has_default_memory {
            let memory = options.memory.as_deref().unwrap_or("512MB");
            command.args(["--memory", memory]);
        }
        let process = Process::start(
            command,
            &self.path(&format!("executor-{}.log", self.executors_started)),
        );
        self.executors.push(Executor { process, work_dir });
    }

    /// Kills an executor at once and removes it from the list.
    pub fn kill_executor(&mut self, index: usize) {
        self.executors.remove(index).process.kill();
    }

    /// Kills the scheduler at once.
    pub fn kill_scheduler(&mut self) {
        self.scheduler.kill();
    }

    /// Kills the scheduler and starts it with the same addresses and records.
    pub fn restart_scheduler(&mut self) {
        self.restart_scheduler_with(&[]);
    }

    /// Restarts the scheduler with more environment variables.
    pub fn restart_scheduler_with(&mut self, variables: &[(&str, &str)]) {
        self.scheduler.kill();
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Vec<_> = self.environment.iter().cloned().chain(variables).collect();
        self.scheduler = start_scheduler(
            self.folder.path(),
            &self.addresses,
            &self.scheduler_args,
            &environment,
        );
    }

    /// The answer of the scheduler's API; nothing when there is no answer.
    pub fn try_api(&self, path: &str) -> Option<Value> {
        let (status, body) = http::get_text(&self.addresses.1, path)?;
        (status == 200).then(|| serde_json::from_str(&body).unwrap())
    }

    /// Status and body of any HTTP page of the scheduler.
    pub fn get_page(&self, path: &str) -> (u16, String) {
        http::get_text(&self.addresses.1, path).unwrap()
    }

    /// The executors that the scheduler lists.
    pub fn registered_executors(&self) -> Vec<Value> {
        let answer = self.try_api("/api/v1/executors").unwrap_or_default();
        answer["executors"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until exactly `count` executors accept tasks.
    pub fn wait_for_executors(&self, count: usize) {
        wait::wait_until(&format!("{count} executors"), wait::DEADLINE, || {
            let registered = self.registered_executors();
            let active = registered
                .iter()
                .filter(|executor| executor["state"] == "active")
                .count();
            (active == count && registered.len() == count).then_some(())
        });
        // /readyz reads a cached list, so it may lag a little.
        let wanted = if count > 0 { 200 } else { 503 };
        wait::wait_until(&format!("{wanted} from /readyz"), wait::DEADLINE, || {
            (http::get_text(&self.addresses.1, "/readyz")?.0 == wanted).then_some(())
        });
    }

    /// Waits until no task runs any more.
    pub fn wait_idle(&self) {
        wait::wait_until("no task runs", wait::DEADLINE, || {
            let registered = self.registered_executors();
            registered
                .iter()
                .all(|executor| executor["vcores_free"] == executor["vcores"])
                .then_some(())
        });
    }

    /// One job's record by its submission id, once there is one.
    pub fn find_job(&self, id: &str) -> Option<Value> {
        self.try_api(&format!("/api/v1/jobs/{id}"))
    }

    /// Waits until tasks of a job run.
    pub fn wait_for_tasks(&self, id: &str) {
        self.wait_for_state(id, "RUNNING");
        wait::wait_until("tasks run", wait::DEADLINE, || {
            self.registered_executors()
                .iter()
                .any(|executor| executor["vcores_free"] == 0)
                .then_some(())
        });
    }

    /// Waits until a job is in a state.
    pub fn wait_for_state(&self, id: &str, state: &str) {
        wait::wait_until(&format!("job {id} is {state}"), wait::DEADLINE, || {
            let job = self.find_job(id)?;
            let now = job["state"].as_str().unwrap();
            assert!(
                now == state
                    || !matches!(
                        now,
                        "SUCCEEDED" | "FAILED" | "KILLED" | "TIMED_OUT" | "INTERRUPTED"
                    ),
                "job {id} ended before it was {state}: {job}"
            );
            (now == state).then_some(())
        });
    }

    /// Starts submit-job on this cluster.
    pub fn spawn_submit(&self, args: &[impl AsRef<str>]) -> RunningProgram {
        let master = ["--master".to_owned(), self.master()];
        submit::spawn_submit(
            master
                .into_iter()
                .chain(args.iter().map(|arg| arg.as_ref().to_owned())),
        )
    }

    /// Waits until a job has ended, and gives its record.
    pub fn wait_for_end(&self, id: &str) -> Value {
        wait::wait_until(&format!("job {id} ends"), wait::DEADLINE, || {
            let job = self.find_job(id)?;
            (job["ended_ms"].as_i64()? > 0).then_some(job)
        })
    }

    /// Starts the example job under the submission id `id`.
    pub fn spawn_example(&self, id: &str, landing: &Path, gold: &Path) -> RunningProgram {
        self.spawn_job(id, &submit::example_args(landing, gold))
    }

    /// Starts the job that does not end by itself.
    pub fn spawn_endless(&self, id: &str, landing: &Path, gold: &Path) -> RunningProgram {
        self.spawn_job(
            id,
            &submit::job_args(&submit::endless_job_path(), landing, gold),
        )
    }

    /// Starts a job under the submission id `id`.
    pub fn spawn_job(&self, id: &str, job: &[String]) -> RunningProgram {
        let mut args = vec!["--submission-id".to_owned(), id.to_owned()];
        args.extend_from_slice(job);
        self.spawn_submit(&args)
    }

    /// Runs submit-job on this cluster to its end.
    pub fn run_submit(&self, args: &[impl AsRef<str>]) -> Output {
        self.spawn_submit(args).wait()
    }

    /// Runs the example job to its end.
    pub fn run_example(&self, landing: &Path, gold: &Path) -> Output {
        self.run_submit(&submit::example_args(landing, gold))
    }
}

fn start_scheduler(
    folder: &Path,
    addresses: &(String, String),
    args: &[String],
    environment: &[(String, String)],
) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scheduler"));
    submit::clear_environment(&mut command);
    command
        .envs(environment.iter().cloned())
        .current_dir(folder)
        .args([
            "--bind",
            &addresses.0,
            "--http",
            &addresses.1,
            "--state-dir",
        ])
        .arg(folder.join("state"))
        .args(args);
    Process::start(command, &folder.join("scheduler.log"))
}
