"""Answers queries with DuckDB and compares them with tables of Sluice.

Reads one JSON request per line and writes one JSON answer per line, until the
end of its input:

    {"statements": ["CREATE TABLE …"], "parquet": {"t0": ["/folder/of/t0", 2]}}
        makes tables; writes some of them as this many Parquet files. Answer: {}
    {"queries": {"v0": "SELECT …"}}
        runs them and keeps the rows until the next such request. Answer: {"v0": null},
        or DuckDB's error
    {"golds": {"local": {"v0": "/gold/v0"}}}
        compares tables with the rows that are kept; those of a query that failed with
        the first of them. Answer: {"v0": {"differ": {"local": ["…"]}, "answers": …}}
"""

import json
import sys
from pathlib import Path

import duckdb

import gold
import rows

ROWS_SHOWN = 20


def main():
    connection = duckdb.connect(config={"threads": 1})
    kept = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "statements" in request:
            answer = make_tables(connection, request)
        elif "queries" in request:
            kept = {name: (sql, *run(connection, sql)) for name, sql in request["queries"].items()}
            answer = {name: error for name, (_, error, _) in kept.items()}
        else:
            answer = {name: judge(connection, sql, expected, {target: golds[name] for target, golds in
                                                              request["golds"].items() if name in golds})
                      for name, (sql, _, expected) in kept.items()}
        print(json.dumps(answer), flush=True)


def make_tables(connection, request):
    for statement in request["statements"]:
        connection.execute(statement)
    for table, (folder, files) in request["parquet"].items():
        Path(folder).mkdir(parents=True, exist_ok=True)
        for number in range(files):
            connection.execute(f"COPY (SELECT * FROM {table} WHERE id % {files} = {number}) "
                               f"TO '{folder}/part-{number}.parquet' (FORMAT parquet)")
    return {}


def run(connection, sql):
    """DuckDB's error and rows, one of which is None."""
    error, rows_of_query = try_to_run(connection, sql)
    if error and error.startswith("OutOfRangeException"):
        # Which rows an expression sees is a choice of the optimizer, as it is of ours.
        error, rows_of_query = try_without_optimizer(connection, sql)
        if error and "RANGE BETWEEN" in sql:
            # The end of a frame may be outside of its type, and then has no rows.
            error = f"LimitOfFrames: {error}"
        elif error and "FILTER (WHERE" in sql:
            # Arguments are computed also of rows that the filter leaves out.
            error = f"LimitOfFilters: {error}"
    if error and "More than one row returned by a subquery" in error:
        connection.execute("SET scalar_subquery_error_on_multiple_rows = false")
        if try_to_run(connection, sql) == (None, []):
            # Without a row that would have its value, evaluating it is a choice.
            error = f"LimitOfSubqueries: {error}"
        connection.execute("SET scalar_subquery_error_on_multiple_rows = true")
    return error, rows_of_query


def try_without_optimizer(connection, sql):
    connection.execute("PRAGMA disable_optimizer")
    answer = try_to_run(connection, sql)
    connection.execute("PRAGMA enable_optimizer")
    return answer


def try_to_run(connection, sql):
    try:
        return None, connection.execute(sql).fetchall()
    except Exception as failure:  # noqa: BLE001 - whatever it is, it is DuckDB's answer
        return f"{type(failure).__name__}: {failure}".split("\n")[0], None


def judge(connection, sql, expected, golds):
    """Compares; rows that only DuckDB's optimizer brings about are a fault of DuckDB."""
    answer = compare(connection, expected, golds)
    if answer["differ"] and expected is not None:
        error, plain = try_without_optimizer(connection, sql)
        if error is None and rows.difference(plain, expected):
            answer = compare(connection, plain, golds)
    return answer


def compare(connection, expected, golds):
    differ, shown = {}, {}
    for target, path in golds.items():
        try:
            found = gold.rows_of(path, connection)
        except Exception as failure:  # noqa: BLE001
            differ[target] = [f"cannot be read: {failure}"]
            continue
        if expected is None:
            # Without an oracle, all targets must have the same rows.
            expected = found
            continue
        lines = rows.difference(found, expected)
        if lines:
            differ[target] = lines
            shown = {"expected": show(expected), **shown, target: show(found)}
    return {"differ": differ, "answers": shown}


def show(answer):
    lines = sorted(rows.plain_text(row) for row in answer)
    more = [f"… {len(lines) - ROWS_SHOWN} more"] if len(lines) > ROWS_SHOWN else []
    return lines[:ROWS_SHOWN] + more


if __name__ == "__main__":
    main()
