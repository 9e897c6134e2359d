"""Filters of gold tables in readers that this project did not write.

    python filters.py GOLD [TABLE…]

Readers skip files and row groups by the statistics in the Delta log and in the
Parquet footers. A wrong statistic loses rows, silently. Each filter is therefore
evaluated twice by each reader: pushed down into the scan of the table, and over
rows that the reader has in memory. Both must select the same rows. Filters are all
comparisons of every column with its values, values between and beyond them, NULL,
NaN and infinity. All readers must also agree on the table's rows, and on count,
minimum and maximum of every column where a reader takes them from statistics.

What a reader gets wrong in tables that it wrote itself is in `known_faults.py`.
"""

import argparse
import collections
import sys
from pathlib import Path

import known_faults
import read_gold
from predicates import all_predicates
from table_readers import READERS, open_table, plain_rows


# The columns to filter in the tables of types/job.sql; all columns of other tables.
COLUMNS = {
    "wide": ("flag_1", "st", "c01", "c28", "flag_2", "text_2", "double_2"),
    "by_flag": ("flag",),
    "by_big": ("big",),
    "by_dec": ("dec38",),
    "by_day": ("day",),
    "by_at": ("at.utc",),
    "by_double": ("double",),
    "by_text": ("Größe",),
}


def differing_rows(folder):
    """Rows that not all readers return, as (reader, rows only there, rows only in the first)."""
    table = open_table(folder)
    found = {}
    for reader in READERS:
        for name, rows in reader.all_rows(table).items():
            found[name] = collections.Counter(plain_rows(rows))
    first, *others = found
    differences = []
    for other in others:
        more, less = found[other] - found[first], found[first] - found[other]
        if more or less:
            differences.append(f"{other} and {first} read other rows: {list(more)[:3]} / {list(less)[:3]}")
    return differences


def differing_filters(folder, faults):
    """Filters that select other rows when they are pushed down, and how many were tried."""
    table = open_table(folder)
    problems, tried = [], 0
    columns = COLUMNS.get(Path(folder).name)
    for predicate in all_predicates(table.rows, columns):
        for reader in READERS:
            for name, (pushed, in_memory) in reader.evaluate(table, predicate).items():
                tried += 1
                if pushed == in_memory:
                    continue
                fault = faults.find(name, predicate)
                if fault is None:
                    problems.append(f"{name}: {predicate}: pushed down {pushed}, in memory {in_memory}")
    return problems, tried


def differing_aggregates(folder):
    """Aggregates that a reader answers from statistics, and otherwise than from rows."""
    table = open_table(folder)
    problems = []
    for reader in READERS:
        for name, (from_table, in_memory) in reader.aggregates(table).items():
            if from_table != in_memory and known_faults.find_aggregate(name) is None:
                problems.append(f"{name}: of the table {from_table}, in memory {in_memory}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gold")
    parser.add_argument("tables", nargs="*")
    args = parser.parse_args()
    names = args.tables or read_gold.tables(args.gold)
    if not names:
        print(f"error: no Delta tables in {args.gold}", file=sys.stderr)
        return 2
    faults = known_faults.KnownFaults()
    problems = faults.problems()
    for name in names:
        folder = str((Path(args.gold) / name).resolve())
        filters, tried = differing_filters(folder, faults)
        found = differing_rows(folder) + differing_aggregates(folder) + filters
        print(f"{name}: {tried} filters, {'equal' if not found else f'{len(found)} differences'}")
        problems += [f"{name}: {problem}" for problem in found]
    for problem in problems[:200]:
        print(f"error: {problem}", file=sys.stderr)
    if len(problems) > 200:
        print(f"error: and {len(problems) - 200} more", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
