#!/usr/bin/env python3
"""How long the web pages take with a long history and a job of many tasks.

    pages.py BINARIES [--jobs 10000] [--tasks 5000]

Runs the example job once on a cluster, copies its record until there are that many
jobs, gives the latest of them that many tasks, starts the scheduler again on all
of it, and prints the median time of 20 requests of each page.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "duckdb"))

import sluice  # noqa: E402

ROUNDS = 20


def run_example(binaries, cluster, master):
    landing = cluster.folder / "landing"
    subprocess.run([f"{binaries}/generate-events", "--landing", landing], check=True, capture_output=True)
    code, errors = sluice.run_job(binaries, master, ROOT / "jobs" / "landing_to_gold.sql", 300, "--name", "nightly",
                                  "--landing", landing, "--gold", cluster.folder / "gold")
    if code:
        sys.exit(errors)


def copy_record(state, jobs, tasks):
    """Copies of the one record there is, under ids of the same length."""
    (record,) = (state / "jobs").glob("*.pb")
    job_id, stored = record.stem, record.read_bytes()
    details = json.loads((state / "details" / f"{job_id}.json").read_text())
    # The submission id is the record's second field: tag, length, text.
    at = stored.index(b"\x12") if stored[0] != 0x0A else 2 + stored[1]
    submission = stored[at + 2 : at + 2 + stored[at + 1]]
    for number in range(1, jobs):
        digits = f"{number:08x}"
        copied_id = job_id[: -len(digits)] + digits
        copied = stored.replace(job_id.encode(), copied_id.encode())
        copied = copied.replace(submission, submission[: -len(digits)] + digits.encode())
        (state / "jobs" / f"{copied_id}.pb").write_bytes(copied)
    stage = details["steps"][-1]["stages"][0]
    stage["tasks"] = [dict(stage["tasks"][0], start_ms=stage["tasks"][0]["start_ms"] + number)
                      for number in range(tasks)]
    (state / "details" / f"{job_id}.json").write_text(json.dumps(details))
    return job_id


def time_page(address, path):
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with urllib.request.urlopen(f"{address}/{path}") as answer:
            size = len(answer.read())
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000, max(times) * 1000, size


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binaries", type=Path)
    arguments.add_argument("--jobs", type=int, default=10_000)
    arguments.add_argument("--tasks", type=int, default=5_000)
    options = arguments.parse_args()
    binaries = options.binaries.resolve()
    cluster = sluice.Cluster(binaries, executors=1)
    with cluster as master:
        run_example(binaries, cluster, master)
        scheduler = cluster.processes[0]
        scheduler.terminate()
        scheduler.wait()
        job = copy_record(cluster.folder / "state", options.jobs, options.tasks)
        start = time.perf_counter()
        line = cluster.start("scheduler-again", "scheduler", "--bind", "127.0.0.1:0", "--http", "127.0.0.1:0",
                             "--state-dir", "state")
        address = "http://" + next(word[5:] for word in line.split() if word.startswith("http="))
        print(f"{options.jobs} jobs on record, a job of {options.tasks} tasks; "
              f"the scheduler starts in {time.perf_counter() - start:.2f} s")
        print(f"{'page':36} {'median ms':>10} {'most ms':>10} {'KiB':>8}")
        for path in ["", "jobs", "jobs?text=no-such-job", "jobs?state=FAILED", "tables", "executors",
                     f"jobs/{job}", f"jobs/{job}/stages", f"jobs/{job}/log", "api/v1/jobs?limit=100"]:
            median, most, size = time_page(address, path)
            print(f"/{path.replace(job, 'ID'):35} {median:10.1f} {most:10.1f} {size / 1024:8.1f}")


if __name__ == "__main__":
    main()
