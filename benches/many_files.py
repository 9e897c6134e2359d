#!/usr/bin/env python3
"""How long a job over very many landing files takes.

    many_files.py BINARIES [--files 1000000] [--files-per-entry 100]

Generates a topic's landing folder of files with one line each, and a ledger whose
entries name them, in a temporary folder. Then it plans a job that counts the rows, and
runs it, on a cluster and with `local`, and prints the times from submit-job's start
to its exit, and the peak memory of each process.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "duckdb"))

import sluice  # noqa: E402

JOB = """\
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;

CREATE EXTERNAL TABLE events (id BIGINT, kind STRING) STORED AS JSON LOCATION '${landing}/events';

CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n, max(id) AS newest FROM events;
"""

AT = "2026-11-01T00:00:00.000000Z"


def entry_id(number):
    return f"00000000-0000-7000-8000-{number:012x}"


def write_landing(folder, files, files_per_entry):
    """One partition, one line in each file, and the entries that name them."""
    topic = folder / "events"
    ledger = topic / "_ledger"
    ledger.mkdir(parents=True)
    totals = {"rows": 0, "rejects": 0, "bytes": 0, "files": 0, "holes": 0, "lost_offsets": 0}
    for seq, begin in enumerate(range(0, files, files_per_entry)):
        ranges = []
        for offset in range(begin, min(begin + files_per_entry, files)):
            line = f'{{"id":{offset},"kind":"click"}}\n'
            name = f"events-0-{offset}-{offset + 1}-{seq:012x}.json"
            (topic / name).write_text(line)
            # Jobs compare the size; the checksum is for `ingest-landing verify`.
            stored = {"path": name, "bytes": len(line), "checksum": f"xxh3-64:{0:016x}"}
            ranges.append({"partition": 0, "start": offset, "end": offset + 1, "rows": 1, "rejects": 0, "file": stored})
            totals["bytes"] += len(line)
        totals["rows"] += len(ranges)
        totals["files"] += len(ranges)
        body = {"version": 1, "batch_id": entry_id(seq), "run_id": "bench", "topic": "events", "started_at": AT,
                "closed_by": "duration", "ranges": ranges, "next": {"0": totals["rows"]}, "totals": totals}
        entry = {"format": 1, "seq": seq, "id": entry_id(seq), "at": AT, "body": body}
        (ledger / f"{seq:020}.json").write_text(json.dumps(entry))
    (ledger / "_hint.json").write_text(json.dumps({"seq": seq}))


def run(binaries, *arguments):
    """Seconds and peak memory of one submit-job, which must succeed."""
    start = time.perf_counter()
    child = subprocess.Popen([f"{binaries}/submit-job", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # Read first: a pipe that is full would stop the process.
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"submit-job ended with {child.returncode}:\n{output.decode()}")
    return seconds, usage.ru_maxrss / 1024


def peak_mib(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binaries", type=Path)
    arguments.add_argument("--files", type=int, default=1_000_000)
    arguments.add_argument("--files-per-entry", type=int, default=100)
    arguments.add_argument("--executors", type=int, default=2)
    options = arguments.parse_args()
    binaries = options.binaries.resolve()
    cluster = sluice.Cluster(binaries, executors=options.executors)
    with cluster as master:
        landing, job = cluster.folder / "landing", cluster.folder / "count.sql"
        job.write_text(JOB)
        start = time.perf_counter()
        write_landing(landing, options.files, options.files_per_entry)
        print(f"{options.files} files of one line in {-(-options.files // options.files_per_entry)} entries, "
              f"written in {time.perf_counter() - start:.0f} s")
        print(f"{'':16} {'seconds':>8} {'submit-job MiB':>15}")
        for name, address in [("cluster", master), ("local", f"local[{options.executors}]")]:
            for what, more in [("plan", ["--plan"]), ("run", [])]:
                seconds, memory = run(binaries, "--master", address, *more, job, "--landing", landing,
                                      "--gold", cluster.folder / f"gold-{name}")
                print(f"{name + ', ' + what:16} {seconds:8.2f} {memory:15.0f}", flush=True)
        peaks = ", ".join(f"{peak_mib(process):.0f} MiB" for process in cluster.processes)
        print(f"peak memory of the scheduler and the executors: {peaks}")


if __name__ == "__main__":
    main()
