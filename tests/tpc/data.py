"""TPC-H and TPC-DS from DuckDB's extensions: tables as files, query texts, answers."""

import hashlib
import importlib.util
import pickle
import re
from pathlib import Path

import duckdb

SUITES = ("tpch", "tpcds")
GENERATE = {"tpch": "dbgen", "tpcds": "dsdgen"}
# A table with more rows is written as this many files, so that several tasks read it.
ROWS_PER_FILE = 20_000
MOST_FILES = 4


def extension_path(suite):
    package = importlib.util.find_spec(f"duckdb_extension_{suite}")
    folder = Path(package.origin).parent / "extensions" / f"v{duckdb.__version__}"
    return folder / f"{suite}.duckdb_extension"


class Suite:
    """One benchmark at one scale, below a folder that is kept between runs."""

    def __init__(self, name, scale, folder, threads=2):
        self.name, self.scale = name, scale
        self.folder = Path(folder) / f"{name}-{scale}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.database = self.folder / "duckdb.db"
        fresh = not (self.folder / "generated").exists()
        if fresh:
            self.database.unlink(missing_ok=True)
        self.connection = duckdb.connect(str(self.database), config={
            "allow_unsigned_extensions": "true", "threads": threads,
            # What an ORDER BY without NULLS FIRST or LAST means in Spark.
            "default_null_order": "nulls_first_on_asc_last_on_desc",
        })
        self.connection.execute(f"LOAD '{extension_path(name)}'")
        if fresh:
            self.connection.execute(f"CALL {GENERATE[name]}(sf = {scale})")
            self.connection.execute("CHECKPOINT")
            (self.folder / "generated").touch()
        self.tables = [row[0] for row in self.connection.execute(
            "SELECT table_name FROM duckdb_tables() ORDER BY table_name").fetchall()]
        self.queries = dict(self.connection.execute(f"SELECT query_nr, query FROM {name}_queries()").fetchall())
        self.queries = {number: text.strip().rstrip(";").strip() for number, text in self.queries.items()}

    def landing(self, file_format):
        """The folder with a folder of files for each table."""
        landing = self.folder / file_format
        done = landing / "complete"
        if not done.exists():
            for table in self.tables:
                rows = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                files = max(1, min(MOST_FILES, rows // ROWS_PER_FILE))
                (landing / table).mkdir(parents=True, exist_ok=True)
                for number in range(files):
                    first, end = rows * number // files, rows * (number + 1) // files
                    options = "FORMAT parquet" if file_format == "parquet" else "FORMAT json"
                    self.connection.execute(
                        f"COPY (SELECT * FROM {table} WHERE rowid >= {first} AND rowid < {end}) "
                        f"TO '{landing / table}/part-{number}.{file_format}' ({options})")
            done.touch()
        return landing

    def sources(self, file_format):
        """The statements that declare the tables in a job."""
        statements = []
        for table in self.tables:
            # A cursor of its own: queries run on several threads.
            columns = self.connection.cursor().execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
                [table]).fetchall()
            declared = ", ".join(f"`{name}` {spark_type(kind)}" for name, kind in columns)
            stored = "PARQUET" if file_format == "parquet" else "JSON"
            mode = "" if file_format == "parquet" else " OPTIONS ('mode' 'failfast')"
            statements.append(f"CREATE EXTERNAL TABLE {table} ({declared}) STORED AS {stored} "
                              f"LOCATION '${{landing}}/{table}'{mode};\n")
        return "".join(statements)

    def answer(self, text):
        """Rows and number of columns; kept, since large scales take a while."""
        kept = self.folder / "answers" / hashlib.sha256(text.encode()).hexdigest()
        if kept.exists():
            return pickle.loads(kept.read_bytes())[:2]
        cursor = self.connection.execute(text)
        rows = cursor.fetchall()
        answer = rows, len(cursor.description)
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(pickle.dumps(answer))
        return answer


def spark_type(kind):
    return {"INTEGER": "INT", "VARCHAR": "STRING"}.get(kind, kind)


def spark_text(query):
    """A query as a job file has it: names in backquotes; `"…"` would be text."""
    return re.sub(r'"([^"]*)"', r"`\1`", query)


def without_limit(query):
    """The query without its last LIMIT; None if it has none."""
    stripped = re.sub(r"\bLIMIT\s+\d+\s*$", "", query, flags=re.IGNORECASE)
    return stripped if stripped != query else None
