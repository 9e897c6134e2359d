"""Compares gold with the tables that the oracle computes from landing.

    python compare.py LANDING GOLD [--allow-stray]

Each table is compared as a multiset of rows: floating-point numbers within 1e-6
of their size, everything else exactly. Prints one line per table and the first
differences; exits 1 if there are any, 2 if something cannot be read.
"""

import argparse
import sys

import duckdb

import oracle
import read_gold
from tables import TABLES, same_type

TOLERANCE = 1e-6
SHOWN = 5


def wrong_shape(con, table, columns):
    found = con.execute(f"DESCRIBE read_deltalake.{table}").fetchall()
    found = {row[0]: row[1] for row in found}
    problems = []
    if list(found) != list(columns):
        problems.append(f"columns are {list(found)}, expected {list(columns)}")
    for name, kind in columns.items():
        if name in found and not same_type(found[name], kind):
            problems.append(f"{name} is {found[name]}, expected {kind}")
    return problems


def pairs(con, table, columns):
    """Pairs the rows of both sides that are equal except for the doubles, in the
    doubles' order, and keeps the pairs that differ."""
    exact = [name for name, kind in columns.items() if kind != "DOUBLE"]
    doubles = [name for name, kind in columns.items() if kind == "DOUBLE"]

    def quoted(names):
        return [f'"{name}"' for name in names]

    def numbered(source):
        order = "ORDER BY " + ", ".join(quoted(doubles)) if doubles else ""
        keys = ", ".join(quoted(exact))
        return (
            f"SELECT *, row_number() OVER (PARTITION BY {keys} {order}) AS pair FROM {source}.{table}"
        )

    same = " AND ".join(f'o."{name}" IS NOT DISTINCT FROM g."{name}"' for name in exact + ["pair"])
    # The tolerance has a floor of 1: net sums of large terms may be near zero.
    close = " AND ".join(
        f'(o."{d}" IS NOT DISTINCT FROM g."{d}" OR abs(o."{d}" - g."{d}")'
        f' <= {TOLERANCE} * greatest(1, abs(o."{d}"), abs(g."{d}")))'
        for d in doubles
    )
    both = ", ".join(
        [f'coalesce(o."{name}", g."{name}") AS "{name}"' for name in exact]
        + [f'o."{d}" AS "{d} expected", g."{d}" AS "{d} found"' for d in doubles]
    )
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE apart AS
        SELECT CASE WHEN g.pair IS NULL THEN 'missing in gold'
                    WHEN o.pair IS NULL THEN 'only in gold' ELSE 'other numbers' END AS what, {both}
        FROM ({numbered("oracle")}) AS o FULL JOIN ({numbered("read_deltalake")}) AS g ON {same}
        WHERE o.pair IS NULL OR g.pair IS NULL OR NOT coalesce({close or "true"}, false)
    """)
    return con.execute("SELECT count(*) FROM apart").fetchall()[0][0]


def summary(con, source, table, columns):
    exact = ", ".join(f'"{name}"' for name, kind in columns.items() if kind != "DOUBLE")
    doubles = [name for name, kind in columns.items() if kind == "DOUBLE"]
    total = f'round(coalesce(sum("{doubles[-1]}"), 0), 2)' if doubles else "0"
    return con.execute(
        f"SELECT count(*), {total}, format('{{:016x}}', (sum(hash(row({exact})::VARCHAR)) % 18446744073709551616)::UBIGINT)"
        f" FROM {source}.{table}"
    ).fetchall()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("landing")
    parser.add_argument("gold")
    parser.add_argument(
        "--allow-stray",
        action="store_true",
        help="accept Parquet files that no version names (after an overwrite they stay until vacuum)",
    )
    args = parser.parse_args()
    con = duckdb.connect()
    try:
        oracle.build(con, args.landing)
    except (FileNotFoundError, duckdb.Error) as error:
        print(f"error: cannot read landing: {error}", file=sys.stderr)
        return 2
    present = read_gold.tables(args.gold)
    problems = [f"{name}: the table is missing" for name in TABLES if name not in present]
    print(f"{'table':<24}{'expected':>10}{'found':>10}{'sum':>20}{'found sum':>20}  hash")
    for table, columns in TABLES.items():
        if table not in present:
            continue
        read_gold.load(con, args.gold, table)
        shape = wrong_shape(con, table, columns)
        if shape:
            problems += [f"{table}: {problem}" for problem in shape]
            continue
        expected = summary(con, "oracle", table, columns)
        found = summary(con, "read_deltalake", table, columns)
        count = pairs(con, table, columns)
        same_hash = found[2] if found[2] == expected[2] else f"{expected[2]} / {found[2]}"
        print(
            f"{table:<24}{expected[0]:>10}{found[0]:>10}{expected[1]:>20}{found[1]:>20}"
            f"  {same_hash}  {'equal' if not count else f'{count} differences'}"
        )
        if count:
            problems.append(f"{table}: {count} rows differ")
            con.sql(f"SELECT * FROM apart ORDER BY ALL LIMIT {SHOWN}").show(max_width=200)
        problems += read_gold.differences(con, table)
        stray = read_gold.stray_files(args.gold, table)
        if stray and not args.allow_stray:
            problems.append(f"{table}: files that no version names: {', '.join(stray[:SHOWN])}")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
