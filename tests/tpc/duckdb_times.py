"""How long DuckDB takes for a query over the files that Sluice reads.

    python tests/tpc/duckdb_times.py VIEWS QUERY RESULT

runs one query as a job is run: a process that starts, declares the tables, and
writes the rows to a Parquet file.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

SETTINGS = {"threads": 2, "default_null_order": "nulls_first_on_asc_last_on_desc"}


class DuckdbTimes:
    """Times queries over the landing files of one suite."""

    def __init__(self, tables, landing, file_format):
        self.views = "".join(
            f"CREATE VIEW {table} AS SELECT * FROM '{landing / table}/*.{file_format}';\n" for table in tables)
        self.connection = duckdb.connect(config=SETTINGS)
        self.connection.execute(self.views)

    def of_query(self, text):
        """Seconds of the query alone, in a process that stays."""
        started = time.perf_counter()
        self.connection.execute(text).fetchall()
        return time.perf_counter() - started

    def of_job(self, text):
        """Seconds of the query as a job, from the start of its process to its end."""
        with tempfile.TemporaryDirectory(prefix="sluice-tpc-") as folder:
            views, query, result = (Path(folder) / name for name in ("views.sql", "query.sql", "result.parquet"))
            views.write_text(self.views)
            query.write_text(text)
            started = time.perf_counter()
            subprocess.run([sys.executable, __file__, views, query, result], check=True)
            return time.perf_counter() - started


def main():
    views, query, result = (Path(argument) for argument in sys.argv[1:])
    connection = duckdb.connect(config=SETTINGS)
    connection.execute(views.read_text())
    connection.execute(f"COPY (\n{query.read_text()}\n) TO '{result}' (FORMAT parquet)")


if __name__ == "__main__":
    main()
