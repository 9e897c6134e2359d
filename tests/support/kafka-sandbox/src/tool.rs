//! Runs the verbs of the `kafka` script.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::SandboxError;

/// No tool takes a tenth of this time. It only prevents a test from hanging forever.
const TIME_LIMIT: Duration = Duration::from_secs(300);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// One call of a tool.
pub(crate) struct ToolCall<'a> {
    pub(crate) script: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) verb: &'a str,
    pub(crate) args: Vec<String>,
    pub(crate) input: Option<String>,
}

impl ToolCall<'_> {
    /// Runs the tool to its end and returns its standard output.
    pub(crate) fn run_to_end(self) -> Result<String, SandboxError> {
        let Self {
            script,
            folder,
            verb,
            args,
            input,
        } = self;
        let failed = |source| SandboxError::Run {
            verb: verb.to_owned(),
            source,
        };
        // Files, not pipes: a tool may print more than a pipe holds, and a
        // broker that is left running must not keep a pipe open.
        let out = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let err = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let mut child = Command::new(script)
            .arg(verb)
            .args(args)
            .stdin(match &input {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(File::create(out.path()).map_err(failed)?)
            .stderr(File::create(err.path()).map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            // A tool that ended before it read everything says why itself.
            let _ = stdin.write_all(input.as_bytes());
        }
        let success = wait_or_kill(&mut child).map_err(failed)?;
        let read = |path: &Path| {
            std::fs::read(path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .map_err(failed)
        };
        let (out, err) = (read(out.path())?, read(err.path())?);
        match success {
            Some(true) => Ok(out),
            Some(false) => Err(SandboxError::Failed {
                verb: verb.to_owned(),
                output: out + &err,
            }),
            None => Err(SandboxError::TimedOut {
                verb: verb.to_owned(),
                seconds: TIME_LIMIT.as_secs(),
                output: out + &err,
            }),
        }
    }
}

/// Whether the tool succeeded; `None` when it was killed because it took too long.
fn wait_or_kill(child: &mut Child) -> std::io::Result<Option<bool>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if begun.elapsed() > TIME_LIMIT {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}
