"""Readers of Delta tables: DuckDB, deltalake, pyarrow, Polars.

Each evaluates a filter twice, pushed down and in memory; `evaluate` returns the ids
of the selected rows of both, sorted, by the name of the way to read.
"""

import datetime
import decimal
import functools

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, QueryBuilder

import read_gold


class Table:
    """A table, and its rows in the memory of each reader. It has a column `id`."""

    def __init__(self, folder):
        self.folder = folder
        self.delta = DeltaTable(folder)
        self.dataset = self.delta.to_pyarrow_dataset()
        self.rows = self.dataset.to_table()
        self.lazy = pl.scan_delta(folder)
        self.frame = self.lazy.collect()
        self.duckdb = duckdb.connect()
        read_gold.load_delta_extension(self.duckdb)
        self.duckdb.execute("SET TimeZone = 'UTC'")
        # Without the pin, every query reads the log again.
        self.duckdb.execute(f"ATTACH {read_gold.quoted(folder)} AS gold (TYPE delta, PIN_SNAPSHOT)")
        self.scan = "gold"
        self.duckdb.execute(f"CREATE TABLE in_memory AS FROM {self.scan}")
        self.query = QueryBuilder().register("t", self.delta)
        # Files with the columns that the files of a partitioned table lack.
        files = self.delta.file_uris()
        partitioned = bool(self.delta.metadata().partition_columns)
        self.files = None if partitioned or not files else ds.dataset(files, format="parquet")
        self.file_scan = None
        if self.files is not None:
            listed = ", ".join(read_gold.quoted(file) for file in files)
            self.file_scan = f"read_parquet([{listed}])"

    def field_type(self, path):
        kind = self.rows.schema.field(path[0]).type
        for name in path[1:]:
            kind = kind.field(name).type
        return kind


@functools.cache
def open_table(folder):
    return Table(folder)


def plain_rows(rows):
    """Rows as text, so that they can be counted; columns in the order of their names."""
    names = sorted(rows.schema.names)
    return [repr([plain(row[name]) for name in names]) for row in rows.to_pylist()]


def plain(value):
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, decimal.Decimal):
        return str(value.normalize())
    return value


def attempt(select):
    try:
        return sorted(select())
    except Exception as error:
        # An error is a result too.
        return f"error: {str(error).strip().splitlines()[0] if str(error).strip() else error!r}"


# --- SQL


def sql_column(path, fields_in_brackets):
    first, *rest = ['"' + name.replace('"', '""') + '"' for name in path]
    if fields_in_brackets:
        return first + "".join(f"['{name}']" for name in path[1:])
    return ".".join([first, *rest])


def sql_text(value):
    return "'" + value.replace("'", "''") + "'"


def duckdb_literal(value, kind):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        name = "FLOAT" if pa.types.is_float32(kind) else "DOUBLE"
        return f"CAST('{value!r}' AS {name})"
    if isinstance(value, decimal.Decimal):
        return f"CAST('{value}' AS DECIMAL({kind.precision}, {kind.scale}))"
    if isinstance(value, bytes):
        return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMPTZ '{value.isoformat(sep=' ')}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    return sql_text(value) if isinstance(value, str) else str(value)


def datafusion_literal(value, kind):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        name = "Float32" if pa.types.is_float32(kind) else "Float64"
        return f"arrow_cast('{value!r}', '{name}')"
    if isinstance(value, decimal.Decimal):
        return f"arrow_cast('{value}', 'Decimal128({kind.precision}, {kind.scale})')"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, datetime.datetime):
        return f"arrow_cast('{value.isoformat()}', 'Timestamp(Microsecond, Some(\"UTC\"))')"
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    return sql_text(value) if isinstance(value, str) else str(value)


def sql_condition(predicate, literal, fields_in_brackets=False):
    column = sql_column(predicate.path, fields_in_brackets)
    values = [literal(value, predicate.type) for value in predicate.values]
    if predicate.op in ("is null", "is not null"):
        return f"{column} {predicate.op.upper()}"
    if predicate.op == "between":
        return f"{column} BETWEEN {values[0]} AND {values[1]}"
    if predicate.op in ("in", "not in"):
        return f"{column} {predicate.op.upper()} ({', '.join(values)})"
    return f"{column} {predicate.op} {values[0]}"


class DuckDb:
    def all_rows(self, table):
        rows = table.duckdb.execute(f"FROM {table.scan}").to_arrow_table()
        return {"duckdb": rows}

    def evaluate(self, table, predicate):
        condition = sql_condition(predicate, duckdb_literal)

        def ids(source):
            rows = table.duckdb.execute(f"SELECT id FROM {source} WHERE {condition}").fetchall()
            return [row[0] for row in rows]

        in_memory = attempt(lambda: ids("in_memory"))
        found = {"duckdb": (attempt(lambda: ids(table.scan)), in_memory)}
        if table.file_scan:
            found["duckdb files"] = (attempt(lambda: ids(table.file_scan)), in_memory)
        return found

    def aggregates(self, table):
        def value(expression, source):
            rows = table.duckdb.execute(f"SELECT {expression} FROM {source}").fetchall()
            return repr(rows[0][0])

        return {
            name: (value(expression, table.scan), value(expression, "in_memory"))
            for name, expression in aggregate_expressions(table, "duckdb")
        }


class DataFusion:
    """deltalake's own query engine."""

    def select(self, table, sql):
        return pa.table(table.query.execute(sql).read_all())

    def all_rows(self, table):
        return {"deltalake SQL": self.select(table, "SELECT * FROM t")}

    def evaluate(self, table, predicate):
        condition = sql_condition(predicate, datafusion_literal, fields_in_brackets=True)

        def ids(source):
            rows = self.select(table, f"SELECT id FROM {source} WHERE {condition}")
            return rows.column("id").to_pylist()

        # A filter is not pushed below a limit.
        pushed, in_memory = attempt(lambda: ids("t")), attempt(lambda: ids(self.unpushed))
        return {"deltalake SQL": (pushed, in_memory)}

    unpushed = "(SELECT * FROM t LIMIT 1000000)"

    def aggregates(self, table):
        def value(expression, source):
            rows = self.select(table, f"SELECT {expression} AS a FROM {source}")
            return repr(rows.column("a").to_pylist()[0])

        return {
            name: (value(expression, "t"), value(expression, self.unpushed))
            for name, expression in aggregate_expressions(table, "deltalake SQL")
        }


def aggregate_expressions(table, reader):
    yield f"{reader}: count(*)", "count(*)"
    for field in table.rows.schema:
        column = sql_column((field.name,), False)
        yield f"{reader}: count({field.name})", f"count({column})"
        if not pa.types.is_nested(field.type):
            yield f"{reader}: min({field.name})", f"min({column})"
            yield f"{reader}: max({field.name})", f"max({column})"


# --- pyarrow, and what deltalake makes for it


def arrow_expression(predicate, kind):
    field = pc.field(*predicate.path) if len(predicate.path) > 1 else pc.field(predicate.path[0])
    if predicate.op == "is null":
        return field.is_null()
    if predicate.op == "is not null":
        return field.is_valid()
    if predicate.op == "in":
        return field.isin(pa.array(predicate.values, kind))
    if predicate.op == "not in":
        return ~field.isin(pa.array(predicate.values, kind))
    values = [pa.scalar(value, kind) for value in predicate.values]
    if predicate.op == "between":
        return (field >= values[0]) & (field <= values[1])
    compare = {
        "=": "__eq__", "<>": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__",
    }
    return getattr(field, compare[predicate.op])(values[0])


class PyArrow:
    def all_rows(self, table):
        found = {"deltalake dataset": table.rows, "deltalake table": table.delta.to_pyarrow_table()}
        if table.files is not None:
            found["pyarrow files"] = table.files.to_table()
        return found

    def evaluate(self, table, predicate):
        expression = arrow_expression(predicate, table.field_type(predicate.path))
        in_memory = attempt(lambda: table.rows.filter(expression).column("id").to_pylist())

        def of_dataset(dataset):
            return attempt(
                lambda: dataset.to_table(columns=["id"], filter=expression).column("id").to_pylist()
            )

        found = {"deltalake dataset": (of_dataset(table.dataset), in_memory)}
        if table.files is not None:
            found["pyarrow files"] = (of_dataset(table.files), in_memory)
        tuples = self.filter_tuples(predicate)
        if tuples is not None:
            pushed = attempt(
                lambda: table.delta.to_pyarrow_table(columns=["id"], filters=tuples)
                .column("id")
                .to_pylist()
            )
            found["deltalake table"] = (pushed, in_memory)
        return found

    def filter_tuples(self, predicate):
        """The filter in the form of `to_pyarrow_table(filters=…)`, where that can say it."""
        # It takes the way of the data set, so a part of them is enough.
        if len(predicate.path) > 1 or predicate.op not in ("=", ">=", "between", "in"):
            return None
        [name], values = predicate.path, predicate.values
        if predicate.op == "between":
            return [(name, ">=", values[0]), (name, "<=", values[1])]
        if predicate.op in ("in", "not in"):
            return [(name, predicate.op, list(values))]
        return [(name, "!=" if predicate.op == "<>" else predicate.op, values[0])]

    def aggregates(self, table):
        return {
            "deltalake dataset: count(*)": ([table.dataset.count_rows()], [table.rows.num_rows]),
            "deltalake: count(*)": ([table.delta.count()], [table.rows.num_rows]),
        }


# --- Polars


def polars_expression(predicate):
    column = pl.col(predicate.path[0])
    for name in predicate.path[1:]:
        column = column.struct.field(name)
    if predicate.op == "is null":
        return column.is_null()
    if predicate.op == "is not null":
        return column.is_not_null()
    values = [polars_literal(value, predicate.type) for value in predicate.values]
    if predicate.op == "between":
        return column.is_between(values[0], values[1])
    if predicate.op in ("in", "not in"):
        series = pl.Series(values=predicate.values, dtype=polars_type(predicate.type))
        found = column.is_in(series.implode())
        return found if predicate.op == "in" else ~found
    compare = {"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
    return getattr(column, compare[predicate.op])(values[0])


def polars_type(kind):
    return pl.from_arrow(pa.array([], kind)).dtype


def polars_literal(value, kind):
    return pl.lit(value, dtype=polars_type(kind))


class Polars:
    def all_rows(self, table):
        return {
            "polars scan": table.frame.to_arrow(),
            "polars read": pl.read_delta(table.folder).to_arrow(),
        }

    def evaluate(self, table, predicate):
        expression = polars_expression(predicate)

        def ids(frame):
            return frame.filter(expression).select("id").lazy().collect()["id"].to_list()

        in_memory = attempt(lambda: ids(table.frame))
        return {"polars scan": (attempt(lambda: ids(table.lazy)), in_memory)}

    def aggregates(self, table):
        found = {}
        for name, frame in (("polars scan", table.lazy),):
            counts = frame.select(pl.len().alias("rows"), pl.all().count()).collect().row(0)
            in_memory = table.frame.select(pl.len().alias("rows"), pl.all().count()).row(0)
            found[f"{name}: counts"] = (counts, in_memory)
            simple = [c for c, kind in table.frame.schema.items() if not kind.is_nested()]
            for what in ("min", "max"):
                of_table = getattr(frame.select(simple), what)().collect().row(0)
                of_rows = getattr(table.frame.select(simple), what)().row(0)
                found[f"{name}: {what}"] = (repr(of_table), repr(of_rows))
        return found


READERS = (DuckDb(), DataFusion(), PyArrow(), Polars())
