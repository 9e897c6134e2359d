"""Counts the rows of gold tables that belong together, with other readers.

    python read_cut.py GOLD

Reads each table at the version that the newest cut names, as docs/increments.md says,
with the deltalake package, Polars, and DuckDB's delta extension. Prints for each table
its name, its version and the rows that each of them counts.
"""

import glob
import json
import sys

import duckdb
import polars
from deltalake import DeltaTable

from read_gold import load_delta_extension, quoted


def newest_cut(gold):
    """The version of each table at the newest cut, by name."""
    with open(max(glob.glob(f"{glob.escape(gold)}/_publish/0*.json"))) as entry:
        tables = json.load(entry)["body"]["tables"]
    return {name: table["version"] for name, table in tables.items()}


def main():
    (gold,) = sys.argv[1:]
    con = duckdb.connect()
    load_delta_extension(con)
    for name, version in newest_cut(gold).items():
        folder = f"{gold}/{name}"
        of_deltalake = DeltaTable(folder, version=version).to_pyarrow_dataset().count_rows()
        of_polars = polars.read_delta(folder, version=version).height
        scan = f"delta_scan({quoted(folder)}, version => {version})"
        (of_duckdb,) = con.execute(f"SELECT count(*) FROM {scan}").fetchone()
        print(name, version, of_deltalake, of_polars, of_duckdb)


if __name__ == "__main__":
    main()
