"""Waits for a job's end in the triggerer, and logs its progress."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TriggerEvent

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import describe, job_error
from sluice_airflow.event_log import EventLog, state_name
from sluice_airflow.hooks.sluice import TASK_ENDED, SluiceAsyncHook
from sluice_airflow.retry import Backoff

# States of a task that continues with its job. Deferred: with another triggerer.
_CONTINUES = frozenset({"queued", "running", "deferred"})

# Cancels in progress; the event loop itself keeps only weak references.
_cancels: set[asyncio.Task[None]] = set()


class SluiceJobTrigger(BaseTrigger):
    """Fires when the job has ended, whatever its result, or when its scheduler
    could not be reached for `patience` seconds.

    :param sluice_conn_id: a connection of type `sluice`
    :param job_id: the job
    :param patience: seconds to keep retrying when the scheduler does not answer
    """

    def __init__(self, sluice_conn_id: str, job_id: str, patience: float = 120.0) -> None:
        super().__init__()
        self.sluice_conn_id = sluice_conn_id
        self.job_id = job_id
        self.patience = patience

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and the arguments that recreate this trigger in another process."""
        return (
            "sluice_airflow.triggers.job.SluiceJobTrigger",
            {
                "sluice_conn_id": self.sluice_conn_id,
                "job_id": self.job_id,
                "patience": self.patience,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follows the job. The event contains `job_id` and either the job's final
        `state` or `lost`, the last error of the lost connection."""
        hook = await SluiceAsyncHook.connect(self.sluice_conn_id)
        event_log = EventLog()
        backoff = Backoff(self.patience)
        try:
            while True:
                try:
                    async for event in hook.watch(self.job_id, event_log.sequence):
                        backoff.reset()
                        for level, text in event_log.log_lines(event):
                            self.log.log(level, "%s", text)
                        if event_log.finished is not None:
                            state = state_name(event_log.finished.state)
                            yield TriggerEvent({"job_id": self.job_id, "state": state})
                            return
                    reason = pb.JobError(kind=pb.ERROR_KIND_UNAVAILABLE, message="the stream of events ended")
                except grpc.RpcError as error:
                    reason = job_error(error)
                pause = backoff.next_pause(reason)
                if pause is None:
                    # The operator decides what this means for the task.
                    yield TriggerEvent({"job_id": self.job_id, "lost": describe(reason)})
                    return
                self.log.warning("job %s: %s; retrying", self.job_id, reason.message)
                await asyncio.sleep(pause)
        finally:
            await hook.close()

    async def on_kill(self) -> None:
        """Cancels the job of a task that was cleared or marked while it was deferred.

        Airflow calls this for every trigger that this triggerer no longer has.
        The job keeps running if the task continues with it: in a new try after a
        clear, in `airflow dags test`, which follows its triggers itself, or with
        another triggerer that took over while this one was slow
        (apache/airflow#73454).

        The triggerer of Airflow 3.3.2 cancels a trigger repeatedly, about once a
        second, until it has ended, and with it this method. So a separate task
        cancels the job."""
        cancel = asyncio.create_task(self._cancel_job())
        _cancels.add(cancel)
        cancel.add_done_callback(_cancels.discard)
        await asyncio.shield(cancel)

    async def _cancel_job(self) -> None:
        """Cancels the job, unless its task continues with it."""
        state = await self._task_state()
        if state in _CONTINUES:
            self.log.info("job %s keeps running for its task, which is %s", self.job_id, state)
            return
        hook = await SluiceAsyncHook.connect(self.sluice_conn_id)
        backoff = Backoff(self.patience)
        try:
            while True:
                try:
                    await hook.cancel(self.job_id, TASK_ENDED)
                    self.log.info("job %s: cancel requested", self.job_id)
                    return
                except grpc.RpcError as error:
                    reason = job_error(error)
                pause = backoff.next_pause(reason)
                if pause is None:
                    self.log.warning("job %s may still be running: %s", self.job_id, describe(reason))
                    return
                await asyncio.sleep(pause)
        finally:
            await hook.close()

    async def _task_state(self) -> str | None:
        """The task's current state; None if it has none, or it is not available."""
        ti = self.task_instance
        if ti is None:
            return None
        try:
            found = await asyncio.to_thread(
                RuntimeTaskInstance.get_task_states,
                dag_id=ti.dag_id,
                task_ids=[ti.task_id],
                run_ids=[ti.run_id],
                map_index=-1 if ti.map_index is None else ti.map_index,
            )
        except Exception:
            self.log.warning("cannot read the state of the task", exc_info=True)
            return None
        return next(iter(found.get(ti.run_id, {}).values()), None)
