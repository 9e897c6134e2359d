"""The job operator on a real cluster."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Asset
from cluster import Cluster

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import SluiceError, SluiceFailError
from sluice_airflow.hooks.sluice import SluiceHook
from sluice_airflow.operators.submit_job import SluiceSubmitJobOperator
from sluice_airflow.triggers.job import SluiceJobTrigger

ORDERS = """
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE lines (id INT, total DOUBLE)
  STORED AS JSON LOCATION '${landing}/orders' OPTIONS ('mode' '${mode}');
DECLARE VARIABLE mode STRING DEFAULT 'dropmalformed';
CREATE OR REFRESH MATERIALIZED VIEW orders AS SELECT id, total FROM lines;
CREATE OR REFRESH MATERIALIZED VIEW sums AS SELECT sum(total) AS total FROM lines;
"""

# Runs for minutes unless it is cancelled.
SLOW = """
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE lines (id INT, total DOUBLE) STORED AS JSON LOCATION '${landing}/many';
CREATE OR REFRESH MATERIALIZED VIEW pairs AS
SELECT count(*) AS n FROM lines a JOIN lines b ON a.total + b.total > 3
                                  JOIN lines c ON b.total + c.total > a.total;
"""


@pytest.fixture
def data(tmp_path: Path) -> dict[str, str]:
    """Landing with three orders, one broken line and many lines; empty gold."""
    for name, lines in (
        ("orders", [*({"id": n, "total": 1.5} for n in range(3)), "broken"]),
        ("many", [{"id": n, "total": n / 7} for n in range(8_000)]),
    ):
        folder = tmp_path / "landing" / name
        folder.mkdir(parents=True)
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        (folder / "part.json").write_text(text + "\n")
    return {"landing": str(tmp_path / "landing"), "gold": str(tmp_path / "gold")}


@pytest.fixture(autouse=True)
def own_ids(context: dict[str, Any], tmp_path: Path) -> None:
    """The cluster keeps submission ids across tests."""
    context["ti"].run_id = str(tmp_path)


def task(sql: str, data: dict[str, str], **options: Any) -> SluiceSubmitJobOperator:
    return SluiceSubmitJobOperator(task_id="t", sql=sql, parameters=data, **options)


def test_a_job_makes_its_tables(cluster: Cluster, context: Any, data: dict[str, str]) -> None:
    assets = {"orders": Asset("orders")}
    result = task(ORDERS, data, table_assets=assets).execute(context)
    assert {name: table["rows"] for name, table in result["tables"].items()} == {"orders": 3, "sums": 1}
    assert result["tables"]["orders"]["version"] == 0
    assert result["inputs"]["lines"]["malformed"] == result["inputs"]["lines"]["dropped"] == 1
    assert list(Path(data["gold"], "orders").glob("*.parquet"))
    assert context["outlet_events"][assets["orders"]].extra["rows"] == 3
    # The link leads to the job.
    (url,) = context["ti"].xcoms.values()
    with urllib.request.urlopen(url) as answer:
        assert json.load(answer)["state"] == "SUCCEEDED"


def test_an_unreported_success_is_found(cluster: Cluster, context: Any, data: dict[str, str]) -> None:
    lost = task(ORDERS, data).execute({**context, "task_state_store": None})
    found = task(ORDERS, data).execute(context)
    assert found == lost
    again = task(ORDERS, data).execute(context)
    assert again["tables"]["orders"]["version"] == 1


def test_a_wrong_job_file_fails_with_its_position(
    cluster: Cluster, context: Any, data: dict[str, str]
) -> None:
    wrong = ORDERS.replace("SELECT id, total", "SELECT id, totl")
    with pytest.raises(SluiceFailError, match="totl") as caught:
        task(wrong, data).execute(context)
    assert "t.sql:7" in str(caught.value) and caught.value.kind == "invalid"
    with pytest.raises(SluiceFailError, match="gold"):
        task(ORDERS, {"landing": data["landing"]}).execute(context)


def test_bad_data_fails(cluster: Cluster, context: Any, data: dict[str, str]) -> None:
    strict = ORDERS.replace("'${mode}'", "'failfast'")
    with pytest.raises(SluiceFailError) as caught:
        task(strict, data).execute(context)
    assert caught.value.kind == "data_quality"
    assert not Path(data["gold"], "orders", "_delta_log").exists()


def test_a_time_limit_is_kept_by_the_scheduler(cluster: Cluster, context: Any, data: dict[str, str]) -> None:
    with pytest.raises(SluiceError, match="TIMED_OUT") as caught:
        task(SLOW, data, timeout=timedelta(seconds=1)).execute(context)
    assert caught.value.kind == "timed_out" and not isinstance(caught.value, SluiceFailError)


def test_a_kill_ends_the_job_and_the_next_try_submits_again(
    cluster: Cluster, context: Any, data: dict[str, str]
) -> None:
    operator = task(SLOW, data)
    threading.Timer(2.0, operator.on_kill).start()
    with pytest.raises(SluiceError, match="ended with its task"):
        operator.execute(context)
    with SluiceHook() as hook:
        job = hook.get_job(str(operator._job_id))
        assert job.state == pb.JOB_STATE_KILLED
        with pytest.raises(SluiceError, match="TIMED_OUT"):
            task(SLOW, data, timeout=timedelta(seconds=1)).execute(context)
        assert hook.get_job(f"{job.submission_id}.2").state == pb.JOB_STATE_TIMED_OUT


def test_a_try_continues_with_the_job_of_a_lost_one(
    cluster: Cluster, context: Any, data: dict[str, str]
) -> None:
    first, second = task(SLOW, data), task(SLOW, data)
    request = first._request(context)
    with SluiceHook() as hook:
        job = first._submit(hook, request, context)

        def cancel() -> None:
            while second._job_id != job.job_id:
                time.sleep(0.05)
            SluiceHook().cancel(job.job_id, "enough")

        # Once the second try has found the job.
        threading.Thread(target=cancel, daemon=True).start()
        with pytest.raises(SluiceFailError, match="enough") as caught:
            second.execute(context)
    assert second._job_id == job.job_id
    assert caught.value.kind == "killed"


def test_the_trigger_fires(
    cluster: Cluster, context: Any, data: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connection(conn_id: str) -> Any:
        return SluiceHook.get_connection(conn_id)

    async def fire(job_id: str) -> Any:
        async for event in SluiceJobTrigger("sluice_default", job_id).run():
            return event.payload

    monkeypatch.setattr(SluiceHook, "aget_connection", connection)
    operator = task(ORDERS, data, deferrable=True)
    with SluiceHook() as hook:
        job = operator._submit(hook, operator._request(context), context)
    event = asyncio.run(fire(job.job_id))
    assert event == {"job_id": job.job_id, "state": "SUCCEEDED"}
    assert operator.execute_complete(context, event)["tables"]["orders"]["rows"] == 3
