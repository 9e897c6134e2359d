//! A broker and the operations on it.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::SandboxError;
use crate::installation::Installation;
use crate::record::Record;
use crate::tool::ToolCall;

/// Ends the broker and removes its folder when its standard input closes, also when
/// the test process was killed. It runs in a separate process group, so that Ctrl-C
/// does not end it first.
const GUARD: &str = r#"read -r _; "$0" kill "$1" >/dev/null 2>&1; rm -rf "$1""#;

/// A broker in its own folder. All operations use Kafka's own tools.
#[derive(Debug)]
pub struct Broker {
    installation: Installation,
    folder: TempDir,
    pub(crate) address: String,
    /// The arguments of each start of the broker.
    pub(crate) args: Vec<String>,
    guard: Child,
}

impl Broker {
    /// Starts a broker on a free port with these settings in addition to the
    /// default ones, and returns when it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(
        installation: &Installation,
        settings: &[(&str, &str)],
    ) -> Result<Self, SandboxError> {
        let mut broker = Self::prepare_folder(installation)?;
        broker.args = key_value_pairs(settings);
        broker.address = broker.start_new_process()?;
        Ok(broker)
    }

    /// A folder with its guard, in which no broker runs yet.
    pub(crate) fn prepare_folder(installation: &Installation) -> Result<Self, SandboxError> {
        let folder = tempfile::Builder::new()
            .prefix("sluice-kafka-")
            .tempdir()
            .map_err(|source| SandboxError::File {
                path: std::env::temp_dir(),
                source,
            })?;
        // Start the guard before the broker, so that the broker never runs without
        // one.
        let guard = Command::new("bash")
            .args(["-c", GUARD])
            .args([installation.script(), folder.path()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| SandboxError::Run {
                verb: "kill".to_owned(),
                source,
            })?;
        Ok(Self {
            installation: installation.clone(),
            folder,
            address: String::new(),
            args: Vec::new(),
            guard,
        })
    }

    /// `127.0.0.1:PORT`, the same after a restart.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The broker's folder, with its `broker.log`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Shuts the broker down.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&self) -> Result<(), SandboxError> {
        self.run_broker_verb("stop")
    }

    /// Ends the broker with SIGKILL.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill(&self) -> Result<(), SandboxError> {
        self.run_broker_verb("kill")
    }

    /// Suspends the broker with SIGSTOP: connections stay open, but it does not
    /// answer.
    ///
    /// # Errors
    /// When no signal can be sent.
    pub fn pause(&self) -> Result<(), SandboxError> {
        self.run_broker_verb("pause")
    }

    /// Resumes the broker after [`Self::pause`].
    ///
    /// # Errors
    /// When no signal can be sent.
    pub fn resume(&self) -> Result<(), SandboxError> {
        self.run_broker_verb("resume")
    }

    /// Starts the broker again after [`Self::stop`] or [`Self::kill`], with the same
    /// address and data. After a kill this takes some seconds longer.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&self) -> Result<(), SandboxError> {
        self.start_process().map(drop)
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn create_topic(&self, topic: &str, partitions: u32) -> Result<(), SandboxError> {
        self.create_topic_with(topic, partitions, &[])
    }

    /// Creates a topic with settings such as `cleanup.policy`.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn create_topic_with(
        &self,
        topic: &str,
        partitions: u32,
        settings: &[(&str, &str)],
    ) -> Result<(), SandboxError> {
        let partitions = partitions.to_string();
        let mut args = vec!["--create", "--topic", topic, "--partitions", &partitions];
        let settings: Vec<String> = key_value_pairs(settings);
        for setting in &settings {
            args.extend(["--config", setting]);
        }
        self.run_tool("topics", &args).map(drop)
    }

    /// Raises the number of a topic's partitions to `partitions`.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn add_partitions(&self, topic: &str, partitions: u32) -> Result<(), SandboxError> {
        let partitions = partitions.to_string();
        let args = ["--alter", "--topic", topic, "--partitions", &partitions];
        self.run_tool("topics", &args).map(drop)
    }

    /// Changes settings of a topic.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn configure_topic(
        &self,
        topic: &str,
        settings: &[(&str, &str)],
    ) -> Result<(), SandboxError> {
        let settings = key_value_pairs(settings).join(",");
        let args = ["--alter", "--topic", topic, "--add-config", &settings];
        self.run_tool("configs", &args).map(drop)
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn delete_topic(&self, topic: &str) -> Result<(), SandboxError> {
        self.run_tool("topics", &["--delete", "--topic", topic])
            .map(drop)
    }

    /// The names of all topics.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn list_topics(&self) -> Result<Vec<String>, SandboxError> {
        let text = self.run_tool("topics", &["--list"])?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Deletes the records of a topic's partitions before these offsets; -1 is the
    /// end.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn delete_records(&self, topic: &str, before: &[(i32, i64)]) -> Result<(), SandboxError> {
        let partitions: Vec<_> = before
            .iter()
            .map(|(partition, offset)| {
                json!({"topic": topic, "partition": partition, "offset": offset})
            })
            .collect();
        let request = json!({"version": 1, "partitions": partitions}).to_string();
        let path = self.folder().join("delete-records.json");
        std::fs::write(&path, request).map_err(|source| SandboxError::File {
            path: path.clone(),
            source,
        })?;
        let path = path.display().to_string();
        self.run_tool("delete-records", &["--offset-json-file", &path])
            .map(drop)
    }

    /// The offset after the last record of each partition.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn end_offsets(&self, topic: &str) -> Result<BTreeMap<i32, i64>, SandboxError> {
        self.get_offsets(topic, "-1")
    }

    /// The offset of the first record of each partition.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn first_offsets(&self, topic: &str) -> Result<BTreeMap<i32, i64>, SandboxError> {
        self.get_offsets(topic, "-2")
    }

    fn get_offsets(&self, topic: &str, time: &str) -> Result<BTreeMap<i32, i64>, SandboxError> {
        let text = self.run_tool("get-offsets", &["--topic", topic, "--time", time])?;
        text.lines()
            .map(|line| {
                let mut parts = line.rsplit(':');
                let offset = parts.next().and_then(|offset| offset.parse().ok());
                let partition = parts.next().and_then(|partition| partition.parse().ok());
                partition
                    .zip(offset)
                    .ok_or_else(|| SandboxError::Unexpected {
                        verb: "get-offsets".to_owned(),
                        line: line.to_owned(),
                    })
            })
            .collect()
    }

    /// Sends records with the console producer. Keys and values must not contain
    /// tabs or newlines. Either all records have a key or none has.
    ///
    /// # Errors
    /// When the broker refuses or does not answer.
    pub fn produce_records<'a>(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = (Option<&'a str>, &'a str)>,
    ) -> Result<(), SandboxError> {
        let mut input = String::new();
        let mut keys = false;
        for (key, value) in records {
            if let Some(key) = key {
                keys = true;
                input.push_str(key);
                input.push('\t');
            }
            input.push_str(value);
            input.push('\n');
        }
        let mut args = vec!["--topic", topic, "--sync"];
        if keys {
            for property in ["parse.key=true", "key.separator=\t"] {
                args.extend(["--reader-property", property]);
            }
        }
        self.run_tool_with_input("console-producer", &args, Some(input))
            .map(drop)
    }

    /// All current records of a topic, by partition and offset, read with the
    /// console consumer. For topics without gaps in their offsets; else use
    /// [`Self::consume_with_gaps`].
    ///
    /// # Errors
    /// When the broker does not answer, or returns fewer records than its offsets
    /// indicate.
    pub fn consume_all(&self, topic: &str) -> Result<Vec<Record>, SandboxError> {
        let first: i64 = self.first_offsets(topic)?.values().sum();
        let end: i64 = self.end_offsets(topic)?.values().sum();
        self.consume_count(topic, usize::try_from(end - first).unwrap_or(0))
    }

    /// Like [`Self::consume_all`], but faster: reads `count` records, even if the topic
    /// has more.
    ///
    /// # Errors
    /// When the broker does not answer, or returns fewer records.
    pub fn consume_count(&self, topic: &str, count: usize) -> Result<Vec<Record>, SandboxError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let text = count.to_string();
        let records =
            self.run_consumer(topic, &["--max-messages", &text, "--timeout-ms", "60000"])?;
        if records.len() == count {
            Ok(records)
        } else {
            Err(SandboxError::Unexpected {
                verb: "console-consumer".to_owned(),
                line: format!("{} records instead of {count}", records.len()),
            })
        }
    }

    /// Like [`Self::consume_all`], for topics with transactions or compaction, where the
    /// number of records is not known: reads committed records until none has
    /// arrived for five seconds.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn consume_with_gaps(&self, topic: &str) -> Result<Vec<Record>, SandboxError> {
        self.run_consumer(
            topic,
            &[
                "--isolation-level",
                "read_committed",
                "--timeout-ms",
                "5000",
            ],
        )
    }

    fn run_consumer(&self, topic: &str, limits: &[&str]) -> Result<Vec<Record>, SandboxError> {
        let verb = "console-consumer";
        let mut args = vec!["--topic", topic, "--from-beginning"];
        args.extend(limits);
        for property in Record::FORMAT {
            args.extend(["--formatter-property", property]);
        }
        let text = self.run_tool(verb, &args)?;
        let mut records = text
            .lines()
            .map(|line| {
                Record::parse(line).ok_or_else(|| SandboxError::Unexpected {
                    verb: verb.to_owned(),
                    line: line.to_owned(),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        records.sort_unstable_by_key(|record| (record.partition, record.offset));
        Ok(records)
    }

    /// Runs a tool of the installation with `--bootstrap-server` and these arguments,
    /// and returns its standard output.
    ///
    /// # Errors
    /// When the tool fails, with what it printed.
    pub fn run_tool(&self, verb: &str, args: &[&str]) -> Result<String, SandboxError> {
        self.run_tool_with_input(verb, args, None)
    }

    fn run_tool_with_input(
        &self,
        verb: &str,
        args: &[&str],
        input: Option<String>,
    ) -> Result<String, SandboxError> {
        let mut all = vec!["--bootstrap-server".to_owned(), self.address.clone()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        self.run_script(verb, all, input)
    }

    fn run_broker_verb(&self, verb: &str) -> Result<(), SandboxError> {
        self.run_script(verb, vec![self.folder().display().to_string()], None)
            .map(drop)
    }

    /// The first start.
    pub(crate) fn start_new_process(&self) -> Result<String, SandboxError> {
        // The script's random cluster id may begin with a dash, which Kafka's tool
        // takes for an option.
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.start_process() {
                Err(SandboxError::Failed { output, .. })
                    if attempts < 4 && output.contains("--cluster-id") => {}
                launched => return launched,
            }
        }
    }

    fn start_process(&self) -> Result<String, SandboxError> {
        let mut args = vec![self.folder().display().to_string()];
        args.extend(self.args.iter().cloned());
        let output = self.run_script("start", args, None)?;
        Ok(output.trim().to_owned())
    }

    fn run_script(
        &self,
        verb: &str,
        args: Vec<String>,
        input: Option<String>,
    ) -> Result<String, SandboxError> {
        ToolCall {
            script: self.installation.script(),
            folder: self.folder(),
            verb,
            args,
            input,
        }
        .run_to_end()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The guard ends the broker when its input closes.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

pub(crate) fn key_value_pairs(settings: &[(&str, &str)]) -> Vec<String> {
    settings
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}
