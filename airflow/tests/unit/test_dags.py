"""The DAGs and their checks."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"
sys.path.insert(0, str(DAGS))

import streamflow_checks as checks  # noqa: E402

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize("name", ["streamflow_main", "streamflow_upkeep"])
def test_a_dag_imports_without_warnings(name: str) -> None:
    code = f"import {name}; print('imported')"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import airflow.sdk; {code}"],
        cwd=DAGS,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1:] == ["imported"], done.stderr


def test_airflow_takes_the_dags() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    bag = DagBag(str(DAGS))
    assert bag.import_errors == {}
    assert set(bag.dags) == {"streamflow_main", "streamflow_upkeep"}
    for dag in bag.dags.values():
        read = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert set(read.task_ids) == set(dag.task_ids)
    main = bag.dags["streamflow_main"]
    assert main.get_task("load_gold").upstream_task_ids == {"landed_before"}
    assert main.get_task("landed_before").upstream_task_ids == {
        "ingest.user_events",
        "ingest.transaction_events",
    }
    assert {asset.name for asset in main.get_task("load_gold").outlets} == {
        f"streamflow_gold/{table}" for table in checks.TABLES
    }
    assert not main.get_task("load_range").outlets
    assert main.deadline is not None


def job(**changes: Any) -> dict[str, Any]:
    """A job that read 10 user events and 8 transactions, one of them broken."""
    rows = {
        "transactions": 20, "user_events": 10, "daily_revenue": 2, "customer_monthly_spent": 5,
        "cart_to_purchase": 0, "customer_ranked": 7,
    }  # fmt: skip
    rows.update({name: value for name, value in changes.items() if name in rows})
    users, transactions = changes.get("users", 10), changes.get("sold", 8)
    return {
        "tables": {name: {"rows": count, "table_rows": count} for name, count in rows.items()},
        "inputs": {
            "landed_user_events": {"lines": users, "malformed": 0, "dropped": 0},
            "landed_transactions": {"lines": transactions, "malformed": 1, "dropped": 1},
        },
    }


LANDED = {"user_events": 10, "transaction_events": 8}


def test_books_that_balance_pass() -> None:
    assert checks.books(job(), LANDED, LANDED, 20) == []
    # Others may ingest while the job runs.
    assert checks.books(job(), LANDED, {"user_events": 99, "transaction_events": 99}, 20) == []


@pytest.mark.parametrize(
    "changes, part",
    [
        ({"users": 9, "user_events": 9}, "landed_user_events: the job read 9 lines"),
        ({"sold": 9}, "landed_transactions: the job read 9 lines"),
        ({"user_events": 11}, "user_events has 11 rows, but 10 lines were kept"),
        ({"customer_ranked": 8}, "customer_ranked has 8 rows, but only 7 lines were kept"),
        ({"transactions": 6}, "transactions has 6 line items of 7 transactions"),
    ],
)
def test_a_line_too_many_or_too_few_is_reported(changes: dict[str, int], part: str) -> None:
    (wrong,) = checks.books(job(**changes), LANDED, LANDED, 20)
    assert part in wrong


def later_job(**changes: Any) -> dict[str, Any]:
    """A job with streaming tables that read 2 more user events and 1 more transaction."""
    counts = {
        "transactions": (21, 21), "user_events": (2, 1_002), "daily_revenue": (2, 2),
        "customer_monthly_spent": (5, 5), "cart_to_purchase": (0, 0), "customer_ranked": (8, 8),
        "transaction_messages": (1, 8),
    }  # fmt: skip
    counts.update({name: value for name, value in changes.items() if name in counts})
    return {
        "tables": {
            name: {"rows": rows, "table_rows": total} for name, (rows, total) in counts.items()
        },
        "inputs": {
            "landed_user_events": {"lines": changes.get("users", 2), "malformed": 0, "dropped": 0},
            "landed_transactions": {"lines": 1, "malformed": 0, "dropped": 0},
        },
    }


def test_books_of_what_is_new_balance() -> None:
    landed = {"user_events": 1_010, "transaction_events": 9}
    assert checks.books(later_job(), landed, landed, 20) == []
    # Nothing is new.
    nothing = later_job(users=0, user_events=(0, 1_002))
    assert checks.books(nothing, landed, landed, 20) == []


@pytest.mark.parametrize(
    "changes, part",
    [
        ({"users": 3}, "user_events has 2 rows, but 3 lines were kept"),
        ({"user_events": (2, 900)}, "user_events has 900 rows in all, but 1,010 lines had landed"),
        ({"user_events": (2, 1_011)}, "user_events has 1,011 rows in all"),
        ({"transaction_messages": (2, 8)}, "transaction_messages got 2 rows, but only 1 lines"),
        ({"transaction_messages": (1, 7)}, "customer_ranked has 8 rows, but only 7 lines were kept"),
        ({"transactions": (7, 7)}, "transactions has 7 line items of 8 transactions"),
    ],
)
def test_a_new_line_too_many_or_too_few_is_reported(changes: dict[str, Any], part: str) -> None:
    landed = {"user_events": 1_010, "transaction_events": 9}
    (wrong,) = checks.books(later_job(**changes), landed, landed, 20)
    assert part in wrong


def test_expectations() -> None:
    assert checks.expectations(job(), 125) == []
    (wrong,) = checks.expectations(job(), 124)
    assert wrong.startswith("landed_transactions: 1 of 8 lines are malformed")
    (wrong,) = checks.expectations(job(user_events=0), 1000)
    assert wrong == "user_events is empty though landed_user_events has lines"
    assert checks.expectations(job(users=0, user_events=0), 1000) == []


def test_freshness() -> None:
    status = [{"topic": "t", "watermark": "2026-11-24T11:00:00.5Z"}]
    assert checks.freshness(status, NOW, timedelta(hours=1)) == []
    (wrong,) = checks.freshness(status, NOW, timedelta(minutes=30))
    assert wrong == "t is complete up to 2026-11-24 11:00:00 only, 60 minutes ago"
    (wrong,) = checks.freshness([{"topic": "t", "watermark": None}], NOW, timedelta(hours=1))
    assert wrong == "t: it is not known up to when it is complete"
