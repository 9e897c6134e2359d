"""Waits for a job's end in the triggerer, and says meanwhile how it goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TriggerEvent

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import describe, is_lost, job_error
from sluice_airflow.hooks.sluice import LONGEST_PAUSE, TASK_ENDED, SluiceAsyncHook
from sluice_airflow.narrator import Narrator, state_name

_AT_WORK = frozenset({"queued", "running"})


class SluiceJobTrigger(BaseTrigger):
    """Fires when the job has ended, however, or when its scheduler could not be
    reached for `patience` seconds.

    :param sluice_conn_id: a connection of type `sluice`
    :param job_id: the job
    :param patience: seconds to go on trying when the scheduler does not answer
    """

    def __init__(self, sluice_conn_id: str, job_id: str, patience: float = 120.0) -> None:
        super().__init__()
        self.sluice_conn_id = sluice_conn_id
        self.job_id = job_id
        self.patience = patience

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What makes this trigger again, in another process."""
        return (
            "sluice_airflow.triggers.job.SluiceJobTrigger",
            {
                "sluice_conn_id": self.sluice_conn_id,
                "job_id": self.job_id,
                "patience": self.patience,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Follows the job. The event holds `job_id` and either the `state` it
        ended in or the `lost` connection's last error."""
        hook = await SluiceAsyncHook.connect(self.sluice_conn_id)
        narrator = Narrator()
        limit = time.monotonic() + self.patience
        pause = 0.5
        try:
            while True:
                try:
                    async for event in hook.watch(self.job_id, narrator.sequence):
                        limit = time.monotonic() + self.patience
                        pause = 0.5
                        for level, text in narrator.tell(event):
                            self.log.log(level, "%s", text)
                        if narrator.finished is not None:
                            state = state_name(narrator.finished.state)
                            yield TriggerEvent({"job_id": self.job_id, "state": state})
                            return
                    reason = pb.JobError(kind=pb.ERROR_KIND_UNAVAILABLE, message="the stream of events ended")
                except grpc.RpcError as error:
                    reason = job_error(error)
                if not is_lost(reason) or time.monotonic() + pause > limit:
                    # What this means to the task, the operator decides.
                    yield TriggerEvent({"job_id": self.job_id, "lost": describe(reason)})
                    return
                self.log.warning("job %s: %s; trying again", self.job_id, reason.message)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
        finally:
            await hook.close()

    async def on_kill(self) -> None:
        """Ends the job of a task that was cleared or marked while it was deferred.

        Airflow comes here for every task that is no longer deferred. One that is
        at work again goes on with the job: a new try after a clear, or `airflow
        dags test`, which follows its triggers itself."""
        if await self._state() in _AT_WORK:
            self.log.info("job %s is left to the task, which is at work again", self.job_id)
            return
        hook = await SluiceAsyncHook.connect(self.sluice_conn_id)
        try:
            await hook.cancel(self.job_id, TASK_ENDED)
            self.log.info("job %s is asked to end", self.job_id)
        finally:
            await hook.close()

    async def _state(self) -> str | None:
        """The task's state now; None when it has none, or nobody can tell."""
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
            self.log.warning("the state of the task cannot be told", exc_info=True)
            return None
        return next(iter(found.get(ti.run_id, {}).values()), None)
