"""Checks of a run of the pipeline, computed from numbers only.

`status` is the output of `ingest-landing status`, `job` the result of the job
operator. Each check returns one sentence for each problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

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


def books(job: Mapping[str, Any], before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Every line that had landed was read, and every line that was read is in
    gold or counted as left out.

    :param before: rows landed before the job began, by topic
    :param after: rows landed after it ended: other runs may ingest meanwhile
    """
    wrong = []
    for topic, source in SOURCES.items():
        lines = job["inputs"][source]["lines"]
        least, most = before.get(topic, 0), after.get(topic, 0)
        if not least <= lines <= most:
            wrong.append(
                f"{source}: the job read {lines:,} lines, but {least:,} had landed before it "
                f"and {most:,} after"
            )
    rows = {name: table["rows"] for name, table in job["tables"].items()}
    kept = {name: source["lines"] - source["dropped"] for name, source in job["inputs"].items()}
    if rows["user_events"] != kept["landed_user_events"]:
        wrong.append(
            f"user_events has {rows['user_events']:,} rows, but "
            f"{kept['landed_user_events']:,} lines were kept"
        )
    # One row for each valid transaction, and at least one line item of each.
    if rows["customer_ranked"] > kept["landed_transactions"]:
        wrong.append(
            f"customer_ranked has {rows['customer_ranked']:,} rows, but only "
            f"{kept['landed_transactions']:,} lines were kept"
        )
    if rows["transactions"] < rows["customer_ranked"]:
        wrong.append(
            f"transactions has {rows['transactions']:,} line items of "
            f"{rows['customer_ranked']:,} transactions"
        )
    return wrong


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
            if job["tables"][table]["rows"] == 0
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
