"""Checks of a run of the pipeline, computed from numbers only.

`status` is the output of `ingest-landing status`, `job` the result of the job
operator. Each check returns one sentence for each problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

MESSAGES = "transaction_messages"
"""The streaming table of a job file that takes only what is new."""

SOURCES = {"user_events": "landed_user_events", "transaction_events": "landed_transactions"}
"""The source of the job file that reads each topic."""

TABLES = (
    "transactions",
    "user_events",
    "daily_revenue",
    "customer_monthly_spent",
    "cart_to_purchase",
    "customer_ranked",
)
"""The gold tables of the job file."""


def rows_landed(status: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The rows of each topic."""
    return {topic["topic"]: topic["rows"] for topic in status}


def books(
    job: Mapping[str, Any],
    before: Mapping[str, int],
    after: Mapping[str, int],
    most_malformed_permille: float,
) -> list[str]:
    """Every line that had landed was read, by this job or an earlier one, and every
    line that was read is in gold or counted as left out.

    :param before: rows landed before the job began, by topic
    :param after: rows landed after it ended: other runs may ingest meanwhile
    :param most_malformed_permille: the share of lines that earlier jobs may have left
        out of streaming tables
    """
    wrong = []
    takes_what_is_new = MESSAGES in job["tables"]
    for topic, source in SOURCES.items():
        lines = job["inputs"][source]["lines"]
        least, most = before.get(topic, 0), after.get(topic, 0)
        if takes_what_is_new:
            least = 0
        if not least <= lines <= most:
            wrong.append(
                f"{source}: the job read {lines:,} lines, but {least:,} had landed before it "
                f"and {most:,} after"
            )
    rows = {name: table["rows"] for name, table in job["tables"].items()}
    totals = {name: total_rows(table) for name, table in job["tables"].items()}
    kept = {name: source["lines"] - source["dropped"] for name, source in job["inputs"].items()}
    if rows["user_events"] != kept["landed_user_events"]:
        wrong.append(
            f"user_events has {rows['user_events']:,} rows, but "
            f"{kept['landed_user_events']:,} lines were kept"
        )
    messages = kept["landed_transactions"]
    if takes_what_is_new:
        if rows[MESSAGES] > messages:
            wrong.append(f"{MESSAGES} got {rows[MESSAGES]:,} rows, but only {messages:,} lines were kept")
        messages = totals[MESSAGES]
        taken = totals["user_events"]
        least, most = before.get("user_events", 0), after.get("user_events", 0)
        if not least * (1 - most_malformed_permille / 1000) <= taken <= most:
            wrong.append(
                f"user_events has {taken:,} rows in all, but {least:,} lines had landed before the "
                f"job and {most:,} after"
            )
    # One row for each valid transaction, and at least one line item of each.
    if totals["customer_ranked"] > messages:
        wrong.append(
            f"customer_ranked has {totals['customer_ranked']:,} rows, but only {messages:,} lines were kept"
        )
    if totals["transactions"] < totals["customer_ranked"]:
        wrong.append(
            f"transactions has {totals['transactions']:,} line items of "
            f"{totals['customer_ranked']:,} transactions"
        )
    return wrong


def total_rows(table: Mapping[str, Any]) -> int:
    """The rows of a table: those that the job wrote, and those that it kept."""
    total: int | None = table["table_rows"]
    return table["rows"] if total is None else total


def expectations(job: Mapping[str, Any], most_malformed_permille: float) -> list[str]:
    """The share of malformed lines is small, and no table is empty if its source
    has lines."""
    wrong = []
    for name, source in job["inputs"].items():
        limit = source["lines"] * most_malformed_permille / 1000
        if source["malformed"] > limit:
            wrong.append(
                f"{name}: {source['malformed']:,} of {source['lines']:,} lines are malformed, "
                f"more than {most_malformed_permille:g} per mille"
            )
    for source, tables in (
        ("landed_user_events", ("user_events",)),
        ("landed_transactions", ("transactions", "customer_ranked", "customer_monthly_spent")),
    ):
        if job["inputs"][source]["lines"] == 0:
            continue
        wrong += [
            f"{table} is empty though {source} has lines"
            for table in tables
            if total_rows(job["tables"][table]) == 0
        ]
    return wrong


def freshness(status: Iterable[Mapping[str, Any]], now: datetime, most_age: timedelta) -> list[str]:
    """Each topic is complete up to a recent time."""
    wrong = []
    for topic in status:
        if topic["watermark"] is None:
            wrong.append(f"{topic['topic']}: it is not known up to when it is complete")
            continue
        complete_to = datetime.fromisoformat(topic["watermark"])
        if now - complete_to > most_age:
            wrong.append(
                f"{topic['topic']} is complete up to {complete_to:%Y-%m-%d %H:%M:%S} only, "
                f"{(now - complete_to).total_seconds() / 60:.0f} minutes ago"
            )
    return wrong
