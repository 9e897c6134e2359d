"""A soak: a broker, producers, ingest, a cluster and jobs on one machine for a while.

Executors are killed every minute, the scheduler a few times, and a job runs every ten
seconds. At the end the books must be right, nothing may be left over, and no process may
have grown. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from growth import Life, middle_of
from processes import Process, wait_until
from report import (
    GROWTH_DESCRIPTORS,
    RESTING_KINDS,
    WORKING_KINDS,
    check_growth,
    check_lives,
    print_table,
    rows_of_failures,
    rows_of_processes,
)

REPOSITORY = Path(__file__).resolve().parents[2]
TOPICS = ["user_events", "transaction_events"]
EXECUTORS = 3
JOB_INTERVAL = 10.0
# On a slow machine jobs take longer; more of them at a time would show nothing else.
JOBS_AT_A_TIME = 4
EXECUTOR_INTERVAL = 60.0
SCHEDULER_INTERVAL = 360.0
SAMPLE_INTERVAL = 2.0
# At this age of the scheduler, no job is submitted until none runs, and what processes
# hold is measured; and again after so long.
FIRST_REST = 200.0
REST_INTERVAL = 480.0
# How long jobs may take to end before a rest, how long processes then have to give back
# what they do not need, and how long they are measured.
REST_DRAIN = 240.0
REST_SETTLE = 10.0
REST_LENGTH = 10.0
# A soak of so many minutes has rests enough to tell whether the scheduler grows.
MINUTES_TO_KNOW = 45


class Soak:
    """All processes, the jobs and what is wrong."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.landing = folder / "landing"
        self.gold = folder / "gold"
        self.problems: list[str] = []
        self.jobs: dict[str, dict] = {}
        self.errors: list[dict] = []
        self.landed = 0
        self.threads: list[threading.Thread] = []
        self.random = random.Random(options.seed)
        self.kills = {"executor": 0, "scheduler": 0}
        self.rests = {"taken": 0, "missed": 0}
        self.next_sample = 0.0
        self.started: list[Process] = []

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
            self.process("produce-users", "produce-events", [*self.program("produce-events"), "user-events", *brokers, "--rate", "100", *defects]),
            self.process("produce-trades", "produce-events", [*self.program("produce-events"), "transaction-events", *brokers, "--rate", "40", *defects]),
        ]
        follow = [*self.program("ingest-landing"), *brokers, "--landing", str(self.landing)]
        follow += [word for topic in TOPICS for word in ("--topic", topic)] + ["--follow", "--duration", "5"]
        self.ingest = self.process("ingest-landing", "ingest-landing", follow)
        command = self.scheduler_command("127.0.0.1:0", "127.0.0.1:0")
        self.scheduler = self.process("scheduler", "scheduler", command, announces=True)
        self.grpc, self.http = self.scheduler.value("grpc"), self.scheduler.value("http")
        self.scheduler.command = self.scheduler_command(self.grpc, self.http)
        self.executors = [
            self.process(f"executor-{number}", "executor", self.executor_command(number), announces=True)
            for number in range(EXECUTORS)
        ]
        self.resting_files = sum(self.scheduler.open_files().values())

    def process(self, name: str, kind: str, command: list[str], announces: bool = False) -> Process:
        started = Process(name, kind, command, self.folder / f"{name}.log", announces)
        self.started.append(started)
        return started

    def scheduler_command(self, grpc: str, http: str) -> list[str]:
        ports = ["--bind", grpc, "--http", http, "--state-dir", str(self.folder / "state")]
        return [*self.program("scheduler"), *ports, "--executor-timeout", "5s"]

    def executor_command(self, number: int) -> list[str]:
        work = ["--work-dir", str(self.folder / f"work-{number}"), "--vcores", "1", "--memory", "256MB"]
        work += ["--http", "127.0.0.1:0"]
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

    def restart(self, process: Process) -> None:
        process.kill()
        process.start()
        self.kills[process.kind] += 1

    def running_jobs(self) -> int:
        return sum(thread.is_alive() for thread in self.threads)

    def run(self) -> None:
        """Lets everything run for the asked time."""
        self.begin = begin = time.monotonic()
        length = self.options.minutes * 60
        interval = min(SCHEDULER_INTERVAL, length / 3)
        next_job = begin + 15
        next_executor, next_scheduler = begin + EXECUTOR_INTERVAL, begin + interval
        next_rest = FIRST_REST
        number = 0
        while (now := time.monotonic()) < begin + length and not self.problems:
            if now >= next_job and self.running_jobs() < JOBS_AT_A_TIME:
                number += 1
                next_job = now + JOB_INTERVAL
                self.submit_in_thread(f"soak-{number}")
            if now >= next_executor:
                next_executor += EXECUTOR_INTERVAL
                # The first one lives all the time, and must not grow.
                self.restart(self.random.choice(self.executors[1:]))
            # The last scheduler lives for the second half, so that a slow growth shows.
            if now >= next_scheduler and (now < begin + length / 2 or self.kills["scheduler"] < 2):
                next_scheduler = now + interval
                self.restart(self.scheduler)
                next_rest = FIRST_REST
            # At the end is one anyway.
            if self.scheduler.age >= next_rest and now < begin + length - REST_DRAIN:
                next_rest = self.scheduler.age + REST_INTERVAL
                self.rest()
                # Only work that is killed shows anything.
                busy = time.monotonic() + EXECUTOR_INTERVAL / 2
                next_executor, next_scheduler = max(next_executor, busy), max(next_scheduler, busy)
            self.watch()
        for thread in self.threads:
            thread.join()
        self.rest()

    def watch(self) -> None:
        """Waits a moment, and looks at all processes now and then."""
        time.sleep(0.1)
        now = time.monotonic()
        if now < self.next_sample:
            return
        self.next_sample = now + SAMPLE_INTERVAL
        for process in self.all_processes():
            self.check(process.child.poll() is None, f"{process.name} has ended")
            process.sample(self.work_of(process))

    def work_of(self, process: Process) -> float:
        """What has been done, in jobs or, where a process runs none, in minutes."""
        return len(self.jobs) if process.kind in RESTING_KINDS else (time.monotonic() - self.begin) / 60

    def rest(self) -> None:
        """Measures what processes hold while no job runs."""
        if not self.watch_until(REST_DRAIN, lambda: self.running_jobs() == 0):
            self.rests["missed"] += 1
            return
        self.watch_until(REST_SETTLE, lambda: False)
        measured: dict[str, list] = {}
        end = time.monotonic() + REST_LENGTH
        while time.monotonic() < end and not self.problems:
            for process in [self.scheduler, *self.executors]:
                measurement = process.measure(self.work_of(process), process.allocated_bytes())
                if measurement is not None:
                    measured.setdefault(process.name, []).append(measurement)
            self.watch_until(1, lambda: False)
        for process in [self.scheduler, *self.executors]:
            if process.name in measured:
                process.life.rests.append(middle_of(measured[process.name]))
        self.rests["taken"] += 1

    def watch_until(self, seconds: float, condition: Callable[[], bool]) -> bool:
        """Whether the condition holds within this time."""
        end = time.monotonic() + seconds
        while not (holds := condition()) and time.monotonic() < end and not self.problems:
            self.watch()
        return holds

    def finish(self) -> None:
        """Ends what writes, runs the last job, and checks everything."""
        kinds = self.lives_by_kind()
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
        check_lives(kinds, self.check)
        growth = check_growth(kinds, self.options.minutes >= MINUTES_TO_KNOW, self.check)
        print_table([*self.rows_of_work(), *rows_of_processes(kinds), *growth])

    def lives_by_kind(self) -> dict[str, list[Life]]:
        processes = self.all_processes()
        return {
            kind: [life for process in processes if process.kind == kind for life in process.lives]
            for kind in [*RESTING_KINDS, *WORKING_KINDS]
        }

    def rows_of_work(self) -> list[list[str]]:
        codes = [outcome["code"] for outcome in self.jobs.values()]
        return [
            ["minutes", "0", f"{self.options.minutes:g}"],
            ["records landed", "0", str(self.landed)],
            ["executors killed", "0", str(self.kills["executor"])],
            ["schedulers killed", "0", str(self.kills["scheduler"])],
            ["jobs", "0", str(len(codes))],
            ["jobs that succeeded", "0", str(codes.count(0))],
            ["jobs that a killed scheduler interrupted", "0", str(codes.count(7))],
            *rows_of_failures(self.errors),
            ["rests (missed)", "", f"{self.rests['taken']} ({self.rests['missed']})"],
        ]

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
            if code not in (0, 7):
                self.errors.append(record.get("error") or {"message": f"its client ended with {code}"})
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

    def stop_all(self) -> None:
        for process in self.started:
            if process.child.poll() is None:
                process.kill()
        self.kafka("kill", str(self.folder / "broker"))


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
