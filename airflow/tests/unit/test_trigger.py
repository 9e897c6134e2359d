from __future__ import annotations

import asyncio
import importlib
import threading
from typing import Any

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from fake_scheduler import FakeScheduler
from fake_task import TaskInstance

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.hooks.sluice import Address, SluiceHook
from sluice_airflow.triggers.job import SluiceJobTrigger


@pytest.fixture
def job(scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch) -> str:
    async def connection(conn_id: str) -> Any:
        return SluiceHook.get_connection(conn_id)

    # The asynchronous call works only inside a triggerer.
    monkeypatch.setattr(SluiceHook, "aget_connection", connection)
    with SluiceHook() as hook:
        return hook.submit(pb.SubmitJobRequest(submission_id="s")).job.job_id


async def first(trigger: SluiceJobTrigger) -> Any:
    async for event in trigger.run():
        return event.payload


def test_it_can_be_recreated_from_its_serialized_form() -> None:
    path, kwargs = SluiceJobTrigger("c", "j", 5.0).serialize()
    module, name = path.rsplit(".", 1)
    again = getattr(importlib.import_module(module), name)(**kwargs)
    assert (again.sluice_conn_id, again.job_id, again.patience) == ("c", "j", 5.0)


def test_it_fires_when_the_job_has_ended(
    scheduler: FakeScheduler, job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduler.broken_streams = 1
    scheduler.jobs[job].emit(log=pb.LogLine(level=pb.LOG_LEVEL_INFO, target="driver", message="planned"))
    scheduler.jobs[job].fail(pb.ERROR_KIND_EXECUTION, "division by zero")
    payload = asyncio.run(first(SluiceJobTrigger("sluice_default", job)))
    assert payload == {"job_id": job, "state": "FAILED"}
    logged = capsys.readouterr().out
    assert "[driver] planned" in logged
    assert scheduler.watched_after == [0, 1]


def test_an_unknown_job_is_reported(job: str) -> None:
    payload = asyncio.run(first(SluiceJobTrigger("sluice_default", "gone")))
    assert payload == {"job_id": "gone", "lost": "no job has the id gone"}


def test_it_gives_up_an_unreachable_scheduler(job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(_: str) -> Any:
        from sluice_airflow.hooks.sluice import SluiceAsyncHook

        return SluiceAsyncHook(Address("127.0.0.1:1", ""))

    monkeypatch.setattr("sluice_airflow.triggers.job.SluiceAsyncHook.connect", nowhere)
    payload = asyncio.run(first(SluiceJobTrigger("sluice_default", job, patience=1.0)))
    assert set(payload) == {"job_id", "lost"}


def trigger_of(job: str, monkeypatch: pytest.MonkeyPatch, state: str | None) -> SluiceJobTrigger:
    """The trigger of a task that is in this state now."""

    def states(**asked: Any) -> dict[str, Any]:
        assert asked == {"dag_id": "d", "task_ids": ["t"], "run_ids": ["r"], "map_index": -1}
        return {"r": {"t": state}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", states)
    trigger = SluiceJobTrigger("sluice_default", job)
    trigger.task_instance = TaskInstance()
    return trigger


@pytest.mark.parametrize("state", [None, "failed", "success", "scheduled", "up_for_retry"])
def test_a_kill_ends_the_job(
    scheduler: FakeScheduler, job: str, monkeypatch: pytest.MonkeyPatch, state: str | None
) -> None:
    asyncio.run(trigger_of(job, monkeypatch, state).on_kill())
    assert scheduler.jobs[job].job.state == pb.JOB_STATE_KILLED


def test_a_kill_that_is_cancelled_repeatedly_ends_the_job(
    scheduler: FakeScheduler, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the triggerer does it, about once a second."""
    trigger = trigger_of(job, monkeypatch, "failed")
    asked = threading.Event()

    def slow_states(**_: Any) -> dict[str, Any]:
        assert asked.wait(60)
        return {"r": {"t": "failed"}}

    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", slow_states)

    async def killed() -> None:
        killing = asyncio.create_task(trigger.on_kill())
        await asyncio.sleep(0)
        killing.cancel("user-action")
        with pytest.raises(asyncio.CancelledError):
            await killing
        asked.set()
        while scheduler.jobs[job].job.state != pb.JOB_STATE_KILLED:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(killed(), 60))


def test_a_kill_is_retried_while_the_scheduler_is_unreachable(
    scheduler: FakeScheduler, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler.lost_cancels = 2
    asyncio.run(trigger_of(job, monkeypatch, "failed").on_kill())
    assert scheduler.jobs[job].job.state == pb.JOB_STATE_KILLED


def test_a_kill_without_a_known_state_ends_the_job(scheduler: FakeScheduler, job: str) -> None:
    asyncio.run(SluiceJobTrigger("sluice_default", job).on_kill())
    assert scheduler.jobs[job].job.state == pb.JOB_STATE_KILLED


@pytest.mark.parametrize("state", ["queued", "running", "deferred"])
def test_a_task_that_continues_keeps_its_job(
    scheduler: FakeScheduler, job: str, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    before = scheduler.jobs[job].job.state
    asyncio.run(trigger_of(job, monkeypatch, state).on_kill())
    assert scheduler.jobs[job].job.state == before
