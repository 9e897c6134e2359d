#!/usr/bin/env python3
"""What a run costs that takes little, while its tables grow.

    increments.py BINARIES [--rows 500000] [--entries 100000] [--plans 10000]

Lands rows in a folder with a ledger and runs a job with a streaming table and views
over it on a cluster: with all rows, with one percent more, and with nothing new; then
the same when there are ten times as many rows. Then it plans runs over a ledger with
very many entries, with very many plans of earlier runs in the gold folder. Prints
seconds from submit-job's start to its exit, the median of three for runs that take
little.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "duckdb"))

import sluice  # noqa: E402

JOB = """\
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;

CREATE EXTERNAL TABLE landed (id BIGINT, shop STRING, at TIMESTAMP, price DECIMAL(10,2))
  STORED AS JSON LOCATION '${landing}/orders' OPTIONS ('mode' 'failfast');

CREATE STREAMING TABLE orders AS SELECT * FROM STREAM landed WHERE price > 0;

CREATE MATERIALIZED VIEW large_orders AS SELECT id, shop, price FROM orders WHERE price > 990;
CREATE MATERIALIZED VIEW by_shop AS
SELECT shop, count(*) AS n, sum(price) AS total, max(at) AS last FROM orders GROUP BY shop;
CREATE MATERIALIZED VIEW by_day AS
SELECT CAST(at AS DATE) AS day, count(*) AS n, min(price) AS least FROM orders GROUP BY CAST(at AS DATE);
CREATE MATERIALIZED VIEW means PARTITIONED BY (day) AS
SELECT CAST(at AS DATE) AS day, avg(price) AS mean, count(DISTINCT shop) AS shops
FROM orders GROUP BY CAST(at AS DATE);
"""

AT = "2026-11-01T00:00:00.000000Z"
NOTHING = {"rows": 0, "rejects": 0, "bytes": 0, "files": 0, "holes": 0, "lost_offsets": 0}


def day_of(row):
    """Rows come in the order of their days, twenty thousand on each."""
    return date(2020, 1, 1) + timedelta(days=row // 20_000)


class Landing:
    """A topic's folder with one partition."""

    def __init__(self, folder):
        self.topic = folder / "orders"
        self.ledger = self.topic / "_ledger"
        self.ledger.mkdir(parents=True)
        self.entries = self.rows = 0

    def line(self, n):
        return (
            f'{{"id":{n},"shop":"shop {n * 7 % 1000}","at":"{day_of(n)}T{n % 24:02}:{n % 60:02}:00Z",'
            f'"price":{n * 37 % 1000}.{n % 100:02}}}\n'
        )

    def land(self, rows):
        """One file, and the entry that names it."""
        first, end = self.rows, self.rows + rows
        text = "".join(self.line(n) for n in range(first, end))
        name = f"orders-0-{first}-{end}-{self.entries:012x}.json"
        (self.topic / name).write_text(text)
        stored = {"path": name, "bytes": len(text), "checksum": "xxh3-64:0000000000000000"}
        ranges = [{"partition": 0, "start": first, "end": end, "rows": rows, "rejects": 0, "file": stored}]
        entry_id = f"00000000-0000-7000-8000-{self.entries:012x}"
        body = {"version": 1, "batch_id": entry_id, "run_id": "bench", "topic": "orders", "started_at": AT,
                "closed_by": "duration", "ranges": ranges, "next": {"0": end}, "totals": NOTHING}
        entry = {"format": 1, "seq": self.entries, "id": entry_id, "at": AT, "body": body}
        (self.ledger / f"{self.entries:020}.json").write_text(json.dumps(entry))
        write_hint(self.ledger, self.entries)
        self.entries += 1
        self.rows = end


def write_hint(ledger, seq):
    """As a ledger's writer: with every sixteenth entry, where its end is searched."""
    if seq % 16 == 0:
        (ledger / "_hint.json").write_text(json.dumps({"seq": seq}))


def add_plans(gold, count):
    """Plans of earlier runs of other jobs, after those that there are."""
    plans = gold / "_plans"
    newest = max(plans.glob("0*.json"))
    entry = json.loads(newest.read_text())
    for flow in entry["body"]["flows"]:
        flow["table"] = "another"
    entry["body"]["views"] = []
    entry["body"]["job"]["hash"] = "0" * 64
    for seq in range(entry["seq"] + 1, entry["seq"] + 1 + count):
        entry["seq"] = seq
        entry["id"] = f"00000000-0000-7000-9000-{seq:012x}"
        (plans / f"{seq:020}.json").write_text(json.dumps(entry))
        write_hint(plans, seq)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binaries", type=Path)
    arguments.add_argument("--rows", type=int, default=500_000)
    arguments.add_argument("--entries", type=int, default=100_000)
    arguments.add_argument("--plans", type=int, default=10_000)
    options = arguments.parse_args()
    binaries = options.binaries.resolve()
    cluster = sluice.Cluster(binaries, executors=2)
    with cluster as master:
        job = cluster.folder / "job.sql"
        job.write_text(JOB)

        def run(landing, gold, *more):
            begin = time.perf_counter()
            child = subprocess.run(
                [f"{binaries}/submit-job", "--master", master, *more, job, "--landing", landing.topic.parent,
                 "--gold", gold], capture_output=True, text=True)
            if child.returncode:
                sys.exit(child.stdout + child.stderr)
            return time.perf_counter() - begin

        def show(what, seconds, full=None):
            share = f"{100 * seconds / full:6.1f} %" if full else ""
            print(f"{what:48} {seconds:8.2f} s {share}", flush=True)

        landing, gold = Landing(cluster.folder / "landing"), cluster.folder / "gold"
        step = options.rows // 100
        for factor in (1, 10):
            while landing.rows < factor * options.rows:
                landing.land(min(250_000, factor * options.rows - landing.rows))
            if factor > 1:
                run(landing, gold)
            rows = f"{landing.rows / 1e6:g} million rows"
            full = run(landing, gold if factor == 1 else cluster.folder / "anew")
            show(f"{rows}: all of them", full)
            # As many as before, and one percent.
            for more in dict.fromkeys([step, factor * step]):
                little = []
                for _ in range(3):
                    landing.land(more)
                    little.append(run(landing, gold))
                show(f"{rows}: {more} more", statistics.median(little), full)
            show(f"{rows}: nothing new", statistics.median(run(landing, gold) for _ in range(3)), full)
        landing, gold = Landing(cluster.folder / "entries"), cluster.folder / "gold of entries"
        for _ in range(options.entries):
            landing.land(1)
        show(f"{options.entries} entries: all of them", run(landing, gold))
        add_plans(gold, options.plans)
        what = f"{options.entries} entries, {options.plans} later plans"
        show(f"{what}: nothing new", statistics.median(run(landing, gold) for _ in range(3)))
        show(f"{what}: --plan", statistics.median(run(landing, gold, "--plan") for _ in range(3)))
        little = []
        for _ in range(3):
            landing.land(1)
            little.append(run(landing, gold))
        show(f"{what}: one row", statistics.median(little))


if __name__ == "__main__":
    main()
