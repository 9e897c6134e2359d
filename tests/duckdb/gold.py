"""Reads a Delta table that Sluice wrote: the files that its log names."""

import json
from pathlib import Path
from urllib.parse import unquote

import duckdb


def rows_of(folder, connection=None):
    """All rows of the newest version of the table in `folder`."""
    connection = connection or duckdb.connect()
    folder = Path(folder)
    active = set()
    for version in sorted((folder / "_delta_log").glob("*.json")):
        for line in version.read_text(encoding="utf-8").splitlines():
            action = json.loads(line)
            if "add" in action:
                active.add(unquote(action["add"]["path"]))
            if "remove" in action:
                active.discard(unquote(action["remove"]["path"]))
    rows = []
    for name in sorted(active):
        path = str(folder / name).replace("'", "''")
        rows += connection.execute(f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)").fetchall()
    return rows
