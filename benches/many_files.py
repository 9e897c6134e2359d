#!/usr/bin/env python3
"""How long a job over very many landing files takes, before and after they are joined.

    many_files.py BINARIES [--files 1000000] [--files-per-entry 100]

Generates a topic's landing folder of files with one line each, and a ledger whose
entries name them, in a temporary folder. Then it plans a job that counts the rows, and
runs it, on a cluster and with `local`, and prints the times from submit-job's start
to its exit, the processor time of all processes, and the peak memory of each. Then `ingest-landing join` joins the
files and deletes the small ones, and the same is measured again.
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

# XXH3 of 17 to 32 bytes, which is all that a line here has: no module for it is needed.
MASK = (1 << 64) - 1
SECRET = bytes.fromhex("b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f")


def xxh3(line):
    def word(data, at):
        return int.from_bytes(data[at:at + 8], "little")

    def mix(data, secret):
        product = (word(data, 0) ^ word(secret, 0)) * (word(data, 8) ^ word(secret, 8))
        return (product & MASK) ^ (product >> 64)

    assert 16 < len(line) <= 32
    hashed = (len(line) * 0x9E3779B185EBCA87 + mix(line, SECRET) + mix(line[-16:], SECRET[16:])) & MASK
    hashed = ((hashed ^ (hashed >> 37)) * 0x165667919E3779F9) & MASK
    return hashed ^ (hashed >> 32)


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
            checksum = f"xxh3-64:{xxh3(line.encode()):016x}"
            stored = {"path": name, "bytes": len(line), "checksum": checksum}
            ranges.append({"partition": 0, "start": offset, "end": offset + 1, "rows": 1, "rejects": 0, "file": stored})
            totals["bytes"] += len(line)
        totals["rows"] += len(ranges)
        totals["files"] += len(ranges)
        body = {"version": 1, "batch_id": entry_id(seq), "run_id": "bench", "topic": "events", "started_at": AT,
                "closed_by": "duration", "ranges": ranges, "next": {"0": totals["rows"]}, "totals": totals}
        entry = {"format": 1, "seq": seq, "id": entry_id(seq), "at": AT, "body": body}
        (ledger / f"{seq:020}.json").write_text(json.dumps(entry))
    (ledger / "_hint.json").write_text(json.dumps({"seq": seq}))


def cpu_seconds(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(binaries, *arguments, program="submit-job", others=()):
    """Seconds, processor time and peak memory of one program, which must succeed. The
    processor time is also that of `others` meanwhile."""
    start = time.perf_counter()
    before = sum(map(cpu_seconds, others))
    child = subprocess.Popen([f"{binaries}/{program}", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # Read first: a pipe that is full would stop the process.
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{program} ended with {child.returncode}:\n{output.decode()}")
    cpu = usage.ru_utime + usage.ru_stime + sum(map(cpu_seconds, others)) - before
    return seconds, cpu, usage.ru_maxrss / 1024


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
        print(f"{'':24} {'seconds':>8} {'CPU s':>8} {'MiB':>6}")

        def show(name, seconds, cpu, memory):
            print(f"{name:24} {seconds:8.2f} {cpu:8.2f} {memory:6.0f}", flush=True)

        def measure(state):
            for name, address in [("cluster", master), ("local", f"local[{options.executors}]")]:
                for what, more in [("plan", ["--plan"]), ("run", [])]:
                    measured = run(binaries, "--master", address, *more, job, "--landing", landing,
                                   "--gold", cluster.folder / f"gold-{name}", others=cluster.processes)
                    show(f"{state}, {name}, {what}", *measured)

        measure("small")
        show("join", *run(binaries, "join", "--landing", landing, "--min-age", "0s", "--keep", "0s",
                          program="ingest-landing"))
        left = sum(1 for name in os.listdir(landing / "events") if name.endswith(".json"))
        joined = os.listdir(landing / "events" / "_joined")
        count = sum(1 for name in joined if name.endswith("-rows.json"))
        print(f"{count} joined files; {left} small files are left")
        measure("joined")
        show("verify", *run(binaries, "verify", "--landing", landing, program="ingest-landing"))
        peaks = ", ".join(f"{peak_mib(process):.0f} MiB" for process in cluster.processes)
        print(f"peak memory of the scheduler and the executors: {peaks}")


if __name__ == "__main__":
    main()
