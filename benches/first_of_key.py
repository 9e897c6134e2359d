#!/usr/bin/env python3
"""What it costs to keep the first row of each key, while the table grows.

    first_of_key.py BINARIES [--rows 1000000]

Lands rows with random keys, and runs a job that keeps the first row of each key, one that
keeps all rows, and one whose columns are found in the files: with all rows, with some more,
and then with ten times as many rows. Prints seconds from submit-job's start to its exit, the
median of three for runs that take little.
"""

import argparse
import hashlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

from increments import Landing

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "duckdb"))

import sluice  # noqa: E402

ALL = """\
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE landed (id BIGINT, token STRING, price DECIMAL(10,2))
  STORED AS JSON LOCATION '${landing}/orders';
CREATE STREAMING TABLE kept AS SELECT * FROM STREAM landed;
"""
JOBS = {
    "all rows": ALL,
    "the first of each key": ALL.replace(
        "FROM STREAM landed", "FROM STREAM landed QUALIFY row_number() OVER (PARTITION BY token ORDER BY id) = 1"
    ),
    "all rows, columns found": """\
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE STREAMING TABLE kept AS SELECT * EXCEPT (_rescued_data) FROM STREAM json.`${landing}/orders`;
""",
}


class Tokens(Landing):
    """Rows whose keys have no order."""

    def line(self, n):
        token = hashlib.md5(str(n).encode()).hexdigest()
        return f'{{"id":{n},"token":"{token}","price":{n * 37 % 1000}.{n % 100:02}}}\n'


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binaries", type=Path)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    options = arguments.parse_args()
    binaries = options.binaries.resolve()
    cluster = sluice.Cluster(binaries, executors=2)
    with cluster as master:
        landing = Tokens(cluster.folder / "landing")

        def run(name):
            job = cluster.folder / "job.sql"
            job.write_text(JOBS[name])
            gold = cluster.folder / name.replace(" ", "_")
            begin = time.perf_counter()
            child = subprocess.run(
                [f"{binaries}/submit-job", "--master", master, job, "--landing", landing.topic.parent, "--gold", gold],
                capture_output=True, text=True)
            if child.returncode:
                sys.exit(child.stdout + child.stderr)
            return time.perf_counter() - begin

        def show(name, what, seconds):
            print(f"{landing.rows / 1e6:6.3f} million rows, {what:14} {name:26} {seconds:6.2f} s", flush=True)

        for total in (options.rows, 10 * options.rows):
            while landing.rows < total:
                landing.land(min(250_000, total - landing.rows))
            for name in JOBS:
                show(name, "what is new", run(name))
            for more in dict.fromkeys([1_000, options.rows // 100, total // 100]):
                seconds = {name: [] for name in JOBS}
                for _ in range(3):
                    landing.land(more)
                    for name in JOBS:
                        seconds[name].append(run(name))
                for name, taken in seconds.items():
                    show(name, f"{more} more", statistics.median(taken))


if __name__ == "__main__":
    main()
