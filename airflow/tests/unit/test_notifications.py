from __future__ import annotations

import asyncio

import pytest
from airflow.sdk import AsyncCallback

from sluice_airflow.notifications.deadline import report_missed_deadline


def test_a_late_run_is_named(caplog: pytest.LogCaptureFixture) -> None:
    AsyncCallback(report_missed_deadline)
    context = {
        "dag_run": {"dag_id": "d", "dag_run_id": "r", "state": "running"},
        "deadline": {"deadline_time": "10:00"},
    }
    asyncio.run(report_missed_deadline(context=context, limit="30 min"))
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message == "DAG d run r is running and has missed its deadline 10:00: limit=30 min"
