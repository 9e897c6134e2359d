"""Faults of readers that also show in tables which they wrote themselves.

Each is checked on such a table: when it is no longer there, the entry can go, and
`filters.py` says so.
"""

import dataclasses
import decimal
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

import table_readers
from predicates import Predicate


@dataclasses.dataclass(frozen=True)
class Fault:
    what: str
    readers: tuple
    applies: Callable
    """Whether the fault concerns a predicate."""
    values: tuple
    """The values of a column, one file each, that show the fault."""
    op: str
    operands: tuple

    def is_still_there(self):
        """Whether a table that deltalake wrote shows it in all of the readers."""
        rows = [{"id": at, "part": at, "x": value} for at, value in enumerate(self.values)]
        schema = pa.schema([("id", pa.int64()), ("part", pa.int64()), ("x", pa.float64())])
        with tempfile.TemporaryDirectory() as folder:
            write_deltalake(folder, pa.Table.from_pylist(rows, schema), partition_by=["part"])
            predicate = Predicate(("x",), self.op, self.operands, pa.float64())
            table = table_readers.Table(folder)
            found = {}
            for reader in table_readers.READERS:
                found |= reader.evaluate(table, predicate)
        differ = {name for name, (pushed, in_memory) in found.items() if pushed != in_memory}
        return differ >= set(self.readers) & set(found)


def is_float(predicate):
    return pa.types.is_floating(predicate.type)


FAULTS = (
    Fault(
        # Arrow simplifies a filter by what it knows of a file, and takes `x <= 1` for
        # a guarantee that `x < NaN`, which is false.
        what="Arrow: x < NaN selects rows of files with a known range",
        readers=("deltalake dataset",),
        applies=lambda predicate: is_float(predicate)
        and predicate.op in ("<", "<=", "between")
        and math.isnan(predicate.values[-1]),
        values=(1.0, 2.0),
        op="<",
        operands=(math.nan,),
    ),
    Fault(
        # Some compare by value and some by bits.
        what="Arrow: x IN (0.0) does not find -0.0 where x = 0.0 does, or the other way round",
        readers=("deltalake dataset",),
        applies=lambda predicate: is_float(predicate)
        and predicate.op in ("in", "not in")
        and 0.0 in predicate.values,
        values=(-0.0, 0.0, 1.0),
        op="in",
        operands=(0.0, 2.0),
    ),
)


def missing_bound_loses_rows():
    """Whether deltalake still takes a bound that only one column lacks as NULL, which is
    why a gold file has bounds of all columns or of none."""
    with tempfile.TemporaryDirectory() as folder:
        write_deltalake(folder, pa.table({"id": [1, 2], "x": [1.0, 2.0]}))
        entry = Path(folder) / "_delta_log" / f"{0:020}.json"
        lines = [json.loads(line) for line in entry.read_text().splitlines()]
        [add] = [line["add"] for line in lines if "add" in line]
        stats = json.loads(add["stats"])
        del stats["maxValues"]["x"]
        add["stats"] = json.dumps(stats)
        entry.write_text("".join(json.dumps(line) + "\n" for line in lines))
        dataset = DeltaTable(folder).to_pyarrow_dataset()
        return dataset.to_table(filter=pc.field("x") == 2.0).num_rows == 0


def negative_decimal_partition_fails():
    """Whether deltalake still takes the partition value -1.50 for `-1.-50`, so that
    types/job.sql has none."""
    with tempfile.TemporaryDirectory() as folder:
        values = pa.array([decimal.Decimal("-1.50")], pa.decimal128(9, 2))
        try:
            write_deltalake(folder, pa.table({"id": [1], "x": values}), partition_by=["x"])
            DeltaTable(folder).to_pyarrow_dataset()
        except (pa.ArrowInvalid, DeltaError):
            return True
        return False


def name_of_nulls_folder_is_null():
    """Whether Polars still takes the text `__HIVE_DEFAULT_PARTITION__` of a partition
    value for NULL, so that types/job.sql has none."""
    text = "__HIVE_DEFAULT_PARTITION__"
    with tempfile.TemporaryDirectory() as folder:
        write_deltalake(folder, pa.table({"id": [1], "x": [text]}), partition_by=["x"])
        return pl.scan_delta(folder).collect()["x"].to_list() == [None]


class KnownFaults:
    def find(self, reader, predicate):
        if not reader.startswith(("deltalake", "pyarrow")):
            return None
        return next((fault for fault in FAULTS if fault.applies(predicate)), None)

    def problems(self):
        """The faults that are no longer there."""
        repaired = [fault.what for fault in FAULTS if not fault.is_still_there()]
        if not missing_bound_loses_rows():
            repaired.append("deltalake: a missing bound loses rows (crates/gold/src/files/stats.rs)")
        if not negative_decimal_partition_fails():
            repaired.append("deltalake: negative decimals as partition values (types/job.sql)")
        if not name_of_nulls_folder_is_null():
            repaired.append("Polars: the name of NULL's folder as a value (types/job.sql)")
        return [f"this fault is repaired, what is done about it can go: {what}" for what in repaired]


def find_aggregate(name):
    return None
