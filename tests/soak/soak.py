"""A soak: a broker, producers, ingest, a cluster and jobs on one machine for a while.

Executors are killed every minute, the scheduler a few times, and a job runs every ten
seconds. At the end the books must be right, nothing may be left over, and no process may
have grown. See README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOPICS = ["user_events", "transaction_events"]
EXECUTORS = 3
JOB_INTERVAL = 10.0
# On a slow machine jobs take longer; more of them at a time would show nothing else.
JOBS_AT_A_TIME = 4
EXECUTOR_INTERVAL = 60.0
SAMPLE_INTERVAL = 2.0
MIB = 1024 * 1024
# How much more a process may hold at the end than after it warmed up. In its first minutes
# an allocator's spare memory depends on what met: three schedulers that ran the same jobs
# one after the other held 97 to 213 MiB after 50 to 60 of them, and 186 MiB after 120.
GROWTH_SHARE = 1.25
GROWTH_SHARE_OF_SHORT_LIVES = 2.0
SHORT_LIFE_MINUTES = 15
GROWTH_BYTES = 24 * MIB
GROWTH_DESCRIPTORS = 8


class Process:
    """A process of ours, and what it held over time."""

    def __init__(self, name: str, command: list[str], log: Path, announces: bool) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.announces = announces
        self.samples: list[tuple[float, int, int]] = []
        self.announced = ""
        self.start()

    def start(self) -> None:
        self.samples = []
        with self.log.open("ab") as log:
            out = subprocess.PIPE if self.announces else log
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        if self.announces:
            assert self.child.stdout is not None
            self.announced = self.child.stdout.readline().decode()
            if " listening " not in self.announced:
                raise SystemExit(f"{self.name} does not start, see {self.log}")

    def value(self, key: str) -> str:
        return next(word for word in self.announced.split() if word.startswith(f"{key}=")).split("=", 1)[1]

    def sample(self) -> None:
        try:
            status = Path(f"/proc/{self.child.pid}/status").read_text()
            descriptors = len(os.listdir(f"/proc/{self.child.pid}/fd"))
        except OSError:
            return
        kib = next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))
        self.samples.append((time.monotonic(), int(kib) * 1024, descriptors))

    def open_files(self) -> dict[str, int]:
        """How many descriptors of each kind it has."""
        kinds: dict[str, int] = {}
        for descriptor in Path(f"/proc/{self.child.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = os.readlink(descriptor)
                kind = target if target.startswith("/") else target.split(":", 1)[0]
                kinds[kind] = kinds.get(kind, 0) + 1
        return kinds

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def stop(self, number: int, seconds: float) -> int | None:
        self.child.send_signal(number)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


class Soak:
    """All processes, the jobs and what is wrong."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.landing = folder / "landing"
        self.gold = folder / "gold"
        self.problems: list[str] = []
        self.jobs: dict[str, dict] = {}
        self.lives: list[tuple[str, list[tuple[float, int, int]]]] = []
        self.threads: list[threading.Thread] = []
        self.random = random.Random(options.seed)
        self.kills = {"executor": 0, "scheduler": 0}

    def program(self, name: str) -> list[str]:
        return [str(self.options.binaries / "sluice"), name]

    def kafka(self, *arguments: str) -> str:
        script = Path(self.options.kafka) / "kafka"
        return subprocess.run([script, *arguments], check=True, capture_output=True, text=True).stdout

    def check(self, is_right: bool, problem: str) -> None:
        if not is_right:
            self.problems.append(problem)
            print(f"WRONG: {problem}", flush=True)

    def start(self) -> None:
        self.broker = self.kafka("start", str(self.folder / "broker")).strip()
        for topic in TOPICS:
            self.kafka("topics", "--bootstrap-server", self.broker, "--create", "--topic", topic, "--partitions", "3")
        brokers = ["--bootstrap-servers", self.broker]
        defects = ["--duplicate-permille", "20", "--malformed-permille", "10", "--late-permille", "10"]
        self.producers = [
            self.process("produce-users", [*self.program("produce-events"), "user-events", *brokers, "--rate", "100", *defects]),
            self.process("produce-trades", [*self.program("produce-events"), "transaction-events", *brokers, "--rate", "40", *defects]),
        ]
        follow = [*self.program("ingest-landing"), *brokers, "--landing", str(self.landing)]
        follow += [word for topic in TOPICS for word in ("--topic", topic)] + ["--follow", "--duration", "5"]
        self.ingest = self.process("ingest-landing", follow)
        self.scheduler = self.process("scheduler", self.scheduler_command("127.0.0.1:0", "127.0.0.1:0"), announces=True)
        self.grpc, self.http = self.scheduler.value("grpc"), self.scheduler.value("http")
        self.scheduler.command = self.scheduler_command(self.grpc, self.http)
        self.executors = [
            self.process(f"executor-{number}", self.executor_command(number), announces=True)
            for number in range(EXECUTORS)
        ]
        self.resting_files = sum(self.scheduler.open_files().values())

    def process(self, name: str, command: list[str], announces: bool = False) -> Process:
        return Process(name, command, self.folder / f"{name}.log", announces)

    def scheduler_command(self, grpc: str, http: str) -> list[str]:
        ports = ["--bind", grpc, "--http", http, "--state-dir", str(self.folder / "state")]
        return [*self.program("scheduler"), *ports, "--executor-timeout", "5s"]

    def executor_command(self, number: int) -> list[str]:
        work = ["--work-dir", str(self.folder / f"work-{number}"), "--vcores", "1", "--memory", "256MB"]
        return [*self.program("executor"), "--scheduler", self.grpc, *work, "--drain-timeout", "5s"]

    def all_processes(self) -> list[Process]:
        return [*self.producers, self.ingest, self.scheduler, *self.executors]

    def submit(self, submission: str) -> None:
        job = [str(REPOSITORY / "jobs/landing_to_gold.sql"), "--landing", str(self.landing), "--gold", str(self.gold)]
        client = ["--master", f"sluice://{self.grpc}", "--submission-id", submission, "--output", "json"]
        result = subprocess.run([*self.program("submit-job"), *client, *job], capture_output=True, text=True, check=False)
        try:
            document = json.loads(result.stdout)
        except ValueError:
            document = {"unreadable": result.stdout}
        self.jobs[submission] = {"code": result.returncode, "document": document}

    def submit_in_thread(self, submission: str) -> None:
        thread = threading.Thread(target=self.submit, args=(submission,))
        thread.start()
        self.threads.append(thread)

    def restart(self, process: Process, kind: str) -> None:
        self.lives.append((process.name, process.samples))
        process.kill()
        process.start()
        self.kills[kind] += 1

    def run(self) -> None:
        """Lets everything run for the asked time."""
        begin = time.monotonic()
        length = self.options.minutes * 60
        scheduler_interval = min(600.0, length / 3)
        next_job, next_sample = begin + 15, begin
        next_executor, next_scheduler = begin + EXECUTOR_INTERVAL, begin + scheduler_interval
        number = 0
        while (now := time.monotonic()) < begin + length:
            running = sum(thread.is_alive() for thread in self.threads)
            if now >= next_job and running < JOBS_AT_A_TIME:
                number += 1
                next_job = now + JOB_INTERVAL
                self.submit_in_thread(f"soak-{number}")
            if now >= next_executor:
                next_executor += EXECUTOR_INTERVAL
                # The first one lives all the time, and must not grow.
                self.restart(self.random.choice(self.executors[1:]), "executor")
            if now >= next_scheduler:
                next_scheduler += scheduler_interval
                self.restart(self.scheduler, "scheduler")
            if now >= next_sample:
                next_sample += SAMPLE_INTERVAL
                for process in self.all_processes():
                    self.check(process.child.poll() is None, f"{process.name} has ended")
                    process.sample()
                if self.problems:
                    break
            time.sleep(0.1)
        for thread in self.threads:
            thread.join()

    def finish(self) -> None:
        """Ends what writes, runs the last job, and checks everything."""
        self.lives += [(process.name, process.samples) for process in self.all_processes()]
        for producer in self.producers:
            self.check(producer.stop(signal.SIGINT, 30) == 0, f"{producer.name} does not end with 0")
        # The service itself lands everything; only then is it asked to end.
        caught_up = wait_until(time.monotonic() + 60, lambda: all(topic["lag"] == 0 for topic in self.topic_statuses()))
        self.check(caught_up, f"ingest-landing does not catch up: {self.topic_statuses()}")
        self.check(self.ingest.stop(signal.SIGTERM, 30) == 0, "ingest-landing does not end with 0")
        self.check_landing()
        self.submit("soak-last")
        self.check(self.jobs["soak-last"]["code"] == 0, f"the last job failed: {self.jobs['soak-last']}")
        self.check_jobs()
        self.check_leftovers()
        self.check_rest()
        self.check_growth()

    def ingest_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        common = ["--bootstrap-servers", self.broker, "--landing", str(self.landing)]
        return subprocess.run(
            [*self.program("ingest-landing"), *arguments, *common], capture_output=True, text=True, check=False
        )

    def topic_statuses(self) -> list[dict]:
        return json.loads(self.ingest_command("status", "--output", "json").stdout)

    def check_landing(self) -> None:
        topics = [word for topic in TOPICS for word in ("--topic", topic)]
        rest = self.ingest_command(*topics, "--until-caught-up")
        self.check(rest.returncode == 0, f"ingest of the rest: {rest.stderr}")
        verified = self.ingest_command("verify", "--broker")
        self.check(verified.returncode == 0, f"landing is not what the broker has: {verified.stdout}{verified.stderr}")
        status = self.topic_statuses()
        self.landed = sum(topic["rows"] for topic in status)
        self.check(all(topic["lag"] == 0 for topic in status), f"records are left on the broker: {status}")

    def api(self, path: str) -> dict:
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=20) as answer:
            return json.load(answer)

    def check_jobs(self) -> None:
        states = {0: "SUCCEEDED", 1: "FAILED", 7: "INTERRUPTED", 9: "FAILED"}
        for submission, outcome in self.jobs.items():
            record = self.api(f"/api/v1/jobs/{submission}")
            code = outcome["code"]
            self.check(
                states.get(code) == record["state"],
                f"{submission} ended with {code} for its client, its record is {record['state']}: {outcome['document']}",
            )
            # A killed scheduler interrupts what it runs; nothing else may go wrong.
            self.check(code in (0, 7), f"{submission} failed: {record.get('error')}")
        interrupted = sum(outcome["code"] == 7 for outcome in self.jobs.values())
        self.check(interrupted <= 4 * self.kills["scheduler"], f"{interrupted} jobs were interrupted")
        records = len(list((self.folder / "state/jobs").glob("*.pb")))
        self.check(records == len(self.jobs), f"{records} records of {len(self.jobs)} jobs")
        last = self.api("/api/v1/jobs/soak-last")
        lines = sum(int(source["lines"]) for source in last["inputs"])
        self.check(lines == self.landed, f"the last job read {lines} lines of {self.landed}")

    def check_rest(self) -> None:
        """When no job runs, the scheduler has as many files open as before the first one."""
        limit = self.resting_files + GROWTH_DESCRIPTORS
        rests = wait_until(time.monotonic() + 90, lambda: sum(self.scheduler.open_files().values()) <= limit)
        files = self.scheduler.open_files()
        print(f"the scheduler at rest: {sum(files.values())} files, {self.resting_files} at its first start")
        self.check(rests, f"the scheduler keeps files open without a job: {files}")

    def check_leftovers(self) -> None:
        deadline = time.monotonic() + 90
        if not wait_until(deadline, lambda: not self.leftovers()):
            for left in self.leftovers():
                self.check(False, f"left over: {left}")

    def leftovers(self) -> list[str]:
        """Files that nothing will read any more."""
        left = [path for number in range(EXECUTORS) for path in (self.folder / f"work-{number}").glob("*/*/**/*") if path.is_file()]
        left += (self.folder / "state/jobs").glob("*.intent")
        for table in self.gold.iterdir():
            named = set()
            for entry in (table / "_delta_log").glob("*.json"):
                for line in entry.read_text().splitlines():
                    action = json.loads(line)
                    named.add(action.get("add", {}).get("path"))
            files = [path for path in table.rglob("*.parquet") if "_delta_log" not in path.parts]
            left += [path for path in files if str(path.relative_to(table)) not in named]
        left += [path for path in self.landing.rglob(".*") if path.is_file()]
        return [str(path.relative_to(self.folder)) for path in left]

    def check_growth(self) -> None:
        print(f"{'process':16} {'minutes':>7} {'MiB early':>10} {'MiB late':>9} {'peak':>6} {'files':>11}")
        for name, samples in self.lives:
            if not samples:
                continue
            minutes = (samples[-1][0] - samples[0][0]) / 60
            quarter = max(1, len(samples) // 4)
            early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
            memory = [statistics.median(sample[1] for sample in part) for part in (early, late)]
            # A job that runs has connections; what stays when fewer run is what counts.
            files = [min(sample[2] for sample in part) for part in (early, late)]
            peak = max(sample[1] for sample in samples)
            print(
                f"{name:16} {minutes:7.1f} {memory[0] / MIB:10.1f} {memory[1] / MIB:9.1f} {peak / MIB:6.0f}"
                f" {files[0]:5.0f} {files[1]:5.0f}"
            )
            # A short life is all warming up.
            if minutes >= 3:
                share = GROWTH_SHARE if minutes >= SHORT_LIFE_MINUTES else GROWTH_SHARE_OF_SHORT_LIVES
                limit = memory[0] * share + GROWTH_BYTES
                self.check(memory[1] <= limit, f"{name} grew from {memory[0] / MIB:.0f} to {memory[1] / MIB:.0f} MiB")
                self.check(files[1] <= files[0] + GROWTH_DESCRIPTORS, f"{name} holds {files[1]:.0f} files, {files[0]:.0f} before")

    def stop_all(self) -> None:
        for process in self.all_processes():
            if process.child.poll() is None:
                process.kill()
        self.kafka("kill", str(self.folder / "broker"))


def wait_until(deadline: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition holds before the deadline."""
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return holds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=Path, required=True, help="the folder of the program `sluice`")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kafka", default=os.environ.get("SLUICE_KAFKA_HOME"))
    options = parser.parse_args()
    if options.kafka is None:
        raise SystemExit("set SLUICE_KAFKA_HOME to the folder of Apache Kafka, see CONTRIBUTING.md")
    with tempfile.TemporaryDirectory(prefix="sluice-soak-") as name:
        soak = Soak(options, Path(name))
        try:
            soak.start()
            soak.run()
            soak.finish()
        finally:
            soak.stop_all()
            if soak.problems:
                print_logs(soak.folder)
    codes = sorted(outcome["code"] for outcome in soak.jobs.values())
    counts = {code: codes.count(code) for code in dict.fromkeys(codes)}
    print(f"{len(soak.jobs)} jobs by exit code {counts}, kills {soak.kills}, {len(soak.problems)} problems")
    sys.exit(1 if soak.problems else 0)


def print_logs(folder: Path) -> None:
    for log in sorted(folder.glob("*.log")):
        print(f"---- {log.name}", *log.read_text(errors="replace").splitlines()[-40:], sep="\n")


if __name__ == "__main__":
    main()
