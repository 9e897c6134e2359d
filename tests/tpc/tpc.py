"""TPC-H and TPC-DS on Sluice, compared with DuckDB's answers.

    python tests/tpc/tpc.py --binaries target/debug [tpch:1 tpcds:72 …]

Each query is a job of its own, on a cluster or with `--master 'local[2]'`. A
query with LIMIT may return any of the rows that are equal in its order: if the
rows differ, it is run again without LIMIT.

Queries that are known to fail are listed with their reason in known.txt; a
listed query that is right fails the run too, so that the list shrinks.
"""

import argparse
import concurrent.futures
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "duckdb"))

import gold  # noqa: E402
import rows  # noqa: E402
from data import SUITES, Suite, spark_text, without_limit  # noqa: E402
from duckdb_times import DuckdbTimes  # noqa: E402
from sluice import Cluster, run_job  # noqa: E402


class Result(NamedTuple):
    name: str
    scale: str
    status: str
    problem: str
    seconds: float
    # Of DuckDB's query alone, and as a job; only measured for a table of times.
    duckdb_query: float | None
    duckdb_job: float | None


class Runner:
    def __init__(self, options, master):
        self.options, self.master = options, master
        # DuckDB's connections are not shared between threads at the same time.
        self.duckdb = threading.Lock()
        self.times = {}

    def run(self, suite, number):
        """One query as a `Result`."""
        text = suite.queries[number]
        with self.duckdb:
            expected, width = suite.answer(text)
        found, seconds, error = self.submit(suite, number, text, width)
        status, problem = ("failed", error) if error else self.judge(suite, number, text, found, expected)
        duckdb_query, duckdb_job = self.duckdb_seconds(suite, text) if self.options.table else (None, None)
        return Result(f"{suite.name}:{number}", suite.scale, status, problem, seconds, duckdb_query, duckdb_job)

    def duckdb_seconds(self, suite, text):
        with self.duckdb:
            if suite not in self.times:
                landing = suite.landing(self.options.format)
                self.times[suite] = DuckdbTimes(suite.tables, landing, self.options.format)
            times = self.times[suite]
            return times.of_query(text), times.of_job(text)

    def judge(self, suite, number, text, found, expected):
        """Whether the rows are right, and what is wrong."""
        wrong = rows.difference(found, expected)
        unlimited = without_limit(text) if wrong else None
        if unlimited and len(found) == len(expected):
            with self.duckdb:
                everything, width = suite.answer(unlimited)
            all_found, _, error = self.submit(suite, number, unlimited, width)
            if error:
                return "failed", error
            wrong = rows.difference(all_found, everything)
            if not wrong and any(line.startswith("only in ours") for line in rows.difference(found, everything)):
                wrong = ["with LIMIT there are rows that do not exist without it"]
        if wrong:
            return "wrong", "\n".join(wrong)
        return "right", ""

    def submit(self, suite, number, text, width):
        """Rows, seconds and the error of the query as a job."""
        names = ", ".join(f"c{i}" for i in range(width))
        landing = suite.landing(self.options.format)
        folder = Path(tempfile.mkdtemp(prefix="sluice-tpc-"))
        try:
            job = folder / f"{suite.name}_{number}.sql"
            job.write_text(
                "DECLARE VARIABLE landing STRING;\nDECLARE VARIABLE gold STRING;\n"
                + used_sources(suite, self.options.format, text)
                + f"CREATE OR REFRESH MATERIALIZED VIEW answer AS\nSELECT * FROM (\n{spark_text(text)}\n) AS q({names});\n")
            if self.options.keep:
                Path(self.options.keep).mkdir(parents=True, exist_ok=True)
                shutil.copy(job, self.options.keep)
            started = time.perf_counter()
            code, stderr = run_job(self.options.binaries, self.master, job, self.options.timeout,
                                   "--landing", landing, "--gold", folder / "gold")
            seconds = time.perf_counter() - started
            if code != 0:
                return None, seconds, f"exit code {code}: {stderr.strip()[-1500:]}"
            return gold.rows_of(folder / "gold" / "answer"), seconds, ""
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def used_sources(suite, file_format, text):
    """The declarations of the tables whose names are in the text."""
    lines = suite.sources(file_format).splitlines(keepends=True)
    return "".join(line for line in lines if line.split()[3] in text)


def read_known(path):
    """`suite:query` to reason."""
    known = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, reason = line.split(" ", 1)
            known[name] = reason.strip()
    return known


def chosen_queries(options):
    for name in SUITES:
        wanted = [int(query.split(":")[1]) for query in options.queries if query.startswith(f"{name}:")]
        if options.queries and not wanted and name not in options.queries:
            continue
        scale = options.tpch_scale if name == "tpch" else options.tpcds_scale
        suite = Suite(name, scale, options.data)
        suite.landing(options.format)
        for number in wanted or sorted(suite.queries):
            yield suite, number


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", nargs="*", help="such as tpch:1, tpcds:72 or tpch; all by default")
    parser.add_argument("--binaries", default="target/debug", help="the folder of submit-job, scheduler and executor")
    parser.add_argument("--master", help="instead of a cluster of its own")
    parser.add_argument("--executors", type=int, default=2)
    parser.add_argument("--parallel", type=int, default=1, help="how many jobs run at a time")
    parser.add_argument("--data", default="target/tpc", help="where generated data and answers are kept")
    parser.add_argument("--tpch-scale", default="0.1")
    parser.add_argument("--tpcds-scale", default="0.1")
    parser.add_argument("--format", choices=["parquet", "json"], default="parquet")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for one query")
    parser.add_argument("--table", help="write the times as a Markdown table to this file")
    parser.add_argument("--keep", help="keep the job files in this folder")
    parser.add_argument("--known", default=HERE / "known.txt", type=Path)
    options = parser.parse_args()
    options.binaries = Path(options.binaries).resolve()
    if options.master:
        return run_all(options, options.master)
    with Cluster(options.binaries, options.executors) as master:
        return run_all(options, master)


def run_all(options, master):
    known = read_known(options.known)
    runner = Runner(options, master)
    chosen = list(chosen_queries(options))
    results, failures, started = [], [], time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        futures = [pool.submit(runner.run, suite, number) for suite, number in chosen]
        for future in futures:
            result = future.result()
            results.append(result)
            name, reason = result.name, known.get(result.name)
            if result.status == "right" and reason:
                failures.append(f"{name} is right now: remove it from {options.known.name}")
            if result.status != "right" and not reason:
                failures.append(f"{name} is {result.status}:\n{result.problem}")
            times = f", DuckDB {result.duckdb_query:.2f} s, as a job {result.duckdb_job:.2f} s" if options.table else ""
            note = f"  (known: {reason})" if reason else ""
            print(f"{name:9} {result.status:7} {result.seconds:7.2f} s{times}{note}", flush=True)
    if options.table:
        write_table(Path(options.table), results, master)
    count = {status: sum(1 for r in results if r.status == status) for status in ("right", "wrong", "failed")}
    print(f"{count['right']} right, {count['wrong']} wrong, {count['failed']} failed "
          f"of {len(results)} in {time.perf_counter() - started:.0f} s")
    for failure in failures:
        print("\n" + failure, file=sys.stderr)
    return 1 if failures else 0


def write_table(path, results, master):
    where = master if master.startswith("local") else "cluster"
    lines = [f"| query | scale | | Sluice, {where} | DuckDB, query | ratio | DuckDB, job | ratio |",
             "|---|---|---|---|---|---|---|---|"]
    for result in results:
        of_query, of_job = (result.seconds / max(seconds, 0.001) for seconds in (result.duckdb_query, result.duckdb_job))
        lines.append(f"| {result.name} | {result.scale} | {result.status} | {result.seconds:.2f} s "
                     f"| {result.duckdb_query:.2f} s | {of_query:.1f} | {result.duckdb_job:.2f} s | {of_job:.1f} |")
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
