"""Reads gold with readers that this project did not write.

    python read_gold.py GOLD [--rows N]

Each Delta table under GOLD is read three times: by the deltalake package, by Polars,
and by DuckDB, with its delta extension where it is installed, otherwise as Parquet
from the files that the newest version names. All must return the same rows.
"""

import argparse
import functools
import importlib.util
import sys
from pathlib import Path

import duckdb
import polars
from deltalake import DeltaTable, QueryBuilder

# By name, the schema with the tables that each reader besides deltalake has read.
OTHER_READERS = {"DuckDB": "read_duckdb", "Polars": "read_polars"}


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


@functools.cache
def delta_extension():
    """What LOAD needs to load DuckDB's `delta` extension: the file in the package
    `duckdb-extension-delta`, or the name if DuckDB has installed it. None when there
    is neither; nothing is downloaded."""
    package = importlib.util.find_spec("duckdb_extension_delta")
    if package is not None:
        folder = Path(package.origin).parent / "extensions" / f"v{duckdb.__version__}"
        file = folder / "delta.duckdb_extension"
        if file.is_file():
            return quoted(file)
    with duckdb.connect() as con:
        found = con.execute(
            "SELECT installed FROM duckdb_extensions() WHERE extension_name = 'delta'"
        ).fetchall()
    return "delta" if found == [(True,)] else None


def load_delta_extension(con):
    """Loads the extension; fails when it is missing."""
    extension = delta_extension()
    if extension is None:
        raise ImportError("DuckDB's delta extension is missing: install tests/readers/filters-requirements.txt")
    con.execute(f"LOAD {extension}")


def tables(gold):
    """Names of the Delta tables in a gold folder."""
    return sorted(path.parent.name for path in Path(gold).glob("*/_delta_log"))


def stray_files(gold, name):
    """Parquet files in a table's folder that the newest version does not name."""
    folder = Path(gold) / name
    named = {Path(uri).name for uri in DeltaTable(str(folder)).file_uris()}
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*.parquet")
        if path.name not in named and "_delta_log" not in path.parts
    )


def load(con, gold, name):
    """Creates a table `<name>` in the schema of each reader; returns the DeltaTable."""
    con.execute("SET TimeZone = 'UTC'")
    for schema in ("read_deltalake", *OTHER_READERS.values()):
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    folder = Path(gold) / name
    table = DeltaTable(str(folder))
    rows = QueryBuilder().register("t", table).execute("SELECT * FROM t").read_all()
    con.register("delta_rows", rows)
    con.execute(f'CREATE OR REPLACE TABLE read_deltalake."{name}" AS FROM delta_rows')
    con.unregister("delta_rows")
    files = table.file_uris()
    if delta_extension() is not None:
        load_delta_extension(con)
        source = f"delta_scan({quoted(folder.resolve())})"
    elif files:
        listed = "[" + ", ".join(quoted(file) for file in files) + "]"
        # Files of partitioned tables keep those columns in their folders' names.
        source = f"read_parquet({listed}, hive_partitioning = {bool(table.metadata().partition_columns)})"
    else:
        source = f'read_deltalake."{name}"'
    con.execute(f'CREATE OR REPLACE TABLE read_duckdb."{name}" AS FROM {source}')
    con.register("polars_rows", polars.read_delta(str(folder)).to_arrow())
    con.execute(f'CREATE OR REPLACE TABLE read_polars."{name}" AS FROM polars_rows')
    con.unregister("polars_rows")
    return table


def differences(con, name):
    """What the other readers returned that deltalake did not, or the other way round, as
    lines for display."""
    return [
        f"{apart} rows of {name} differ between deltalake and {reader}"
        for reader, schema in OTHER_READERS.items()
        if (apart := _count_apart(con, name, schema))
    ]


def _count_apart(con, name, schema):
    columns = ", ".join(
        f'"{row[0]}"' for row in con.execute(f'DESCRIBE read_deltalake."{name}"').fetchall()
    )
    one = f'SELECT {columns} FROM read_deltalake."{name}"'
    other = f'SELECT {columns} FROM {schema}."{name}"'
    return con.execute(
        f"SELECT (SELECT count(*) FROM ({one} EXCEPT ALL {other}))"
        f" + (SELECT count(*) FROM ({other} EXCEPT ALL {one}))"
    ).fetchall()[0][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gold")
    parser.add_argument("--rows", type=int, default=3, help="how many rows to print of each")
    args = parser.parse_args()
    names = tables(args.gold)
    if not names:
        print(f"error: no Delta tables in {args.gold}", file=sys.stderr)
        return 2
    con = duckdb.connect()
    failed = False
    for name in names:
        table = load(con, args.gold, name)
        rows = con.execute(f'SELECT count(*) FROM read_deltalake."{name}"').fetchall()[0][0]
        protocol = table.protocol()
        print(
            f"{name}: version {table.version()}, reader {protocol.min_reader_version},"
            f" writer {protocol.min_writer_version}, {len(table.file_uris())} files, {rows} rows"
        )
        if args.rows:
            con.sql(f'SELECT * FROM read_deltalake."{name}" LIMIT {args.rows}').show()
        for problem in differences(con, name):
            failed = True
            print(f"error: {problem}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
