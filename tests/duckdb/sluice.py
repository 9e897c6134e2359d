"""Sluice as users run it: a cluster of processes on free ports, and jobs."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

START_DEADLINE = 120


def environment():
    """Ours, without the settings of Sluice."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}


def run_job(binaries, master, job, timeout, *more):
    """Submits a job and waits for its end: exit code and standard error."""
    command = [f"{binaries}/submit-job", job, "--master", master, "--no-progress", "--color", "never",
               "--timeout", f"{timeout}s", *more]
    try:
        # The driver ends the job at its timeout; this is for a driver that does not.
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout + 60, env=environment())
    except subprocess.TimeoutExpired:
        return -1, f"submit-job does not end {timeout + 60} s after its start"
    return done.returncode, done.stderr


class Cluster:
    """A scheduler and executors of one core; stopped at the end of `with`, which gives
    the address for jobs. `pages` is the address of the web pages."""

    def __init__(self, binaries, executors, memory="1GiB"):
        self.binaries, self.executors, self.memory = binaries, executors, memory
        self.processes = []

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-cluster-"))
        try:
            # On a busy machine an executor may get no processor for seconds. One that dies
            # is noticed at once, by its connection.
            line = self.start("scheduler", "scheduler", "--bind", "127.0.0.1:0", "--http", "127.0.0.1:0",
                              "--state-dir", "state", "--executor-timeout", "60s")
            address = next(word[5:] for word in line.split() if word.startswith("grpc="))
            self.pages = "http://" + next(word[5:] for word in line.split() if word.startswith("http="))
            for number in range(1, self.executors + 1):
                self.start(f"executor-{number}", "executor", "--scheduler", address, "--vcores", "1",
                           "--memory", self.memory, "--work-dir", f"executor-{number}")
        except BaseException:
            self.__exit__()
            raise
        return f"sluice://{address}"

    def start(self, name, program, *arguments):
        """Starts a process and returns the line that says where it listens."""
        out = self.folder / f"{name}.out"
        with open(out, "w") as stdout, open(self.folder / f"{name}.err", "w") as stderr:
            process = subprocess.Popen([f"{self.binaries}/{program}", *arguments], cwd=self.folder,
                                       stdout=stdout, stderr=stderr, env=environment())
        self.processes.append(process)
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline and process.poll() is None:
            line = out.read_text()
            if " listening " in line and line.endswith("\n"):
                return line
            time.sleep(0.05)
        raise RuntimeError(f"{name} does not start: {(self.folder / f'{name}.err').read_text()[-2000:]}")

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
