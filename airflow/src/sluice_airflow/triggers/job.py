"""Waits for a job's end in the triggerer, and says meanwhile how it goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TriggerEvent

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import describe, job_error
from sluice_airflow.hooks.sluice import TASK_ENDED, SluiceAsyncHook
from sluice_airflow.narrator import Narrator, state_name
from sluice_airflow.patience import Patience

# States of a task that goes on with its job. Deferred: with another triggerer.
_GOES_ON = frozenset({"queued", "running", "deferred"})

# What ends jobs now; the event loop itself keeps only weak references.
_ending: set[asyncio.Task[None]] = set()


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
        patience = Patience(self.patience)
        try:
            while True:
                try:
                    async for event in hook.watch(self.job_id, narrator.sequence):
                        patience.renew()
                        for level, text in narrator.tell(event):
                            self.log.log(level, "%s", text)
                        if narrator.finished is not None:
                            state = state_name(narrator.finished.state)
                            yield TriggerEvent({"job_id": self.job_id, "state": state})
                            return
                    reason = pb.JobError(kind=pb.ERROR_KIND_UNAVAILABLE, message="the stream of events ended")
                except grpc.RpcError as error:
                    reason = job_error(error)
                pause = patience.pause(reason)
                if pause is None:
                    # What this means to the task, the operator decides.
                    yield TriggerEvent({"job_id": self.job_id, "lost": describe(reason)})
                    return
                self.log.warning("job %s: %s; trying again", self.job_id, reason.message)
                await asyncio.sleep(pause)
        finally:
            await hook.close()

    async def on_kill(self) -> None:
        """Ends the job of a task that was cleared or marked while it was deferred.

        Airflow comes here for every trigger that this triggerer has no longer.
        The job stays when the task goes on with it: in a new try after a clear,
        in `airflow dags test`, which follows its triggers itself, or with another
        triggerer that took over while this one was slow (apache/airflow#73454).

        The triggerer of Airflow 3.3.2 cancels a trigger again and again, about
        once a second, until it is gone, and with it this method. So the end is
        seen to by a task of its own."""
        ending = asyncio.create_task(self._end())
        _ending.add(ending)
        ending.add_done_callback(_ending.discard)
        await asyncio.shield(ending)

    async def _end(self) -> None:
        """Ends the job, unless its task goes on with it."""
        state = await self._state()
        if state in _GOES_ON:
            self.log.info("job %s is left to its task, which is %s", self.job_id, state)
            return
        hook = await SluiceAsyncHook.connect(self.sluice_conn_id)
        patience = Patience(self.patience)
        try:
            while True:
                try:
                    await hook.cancel(self.job_id, TASK_ENDED)
                    self.log.info("job %s is asked to end", self.job_id)
                    return
                except grpc.RpcError as error:
                    reason = job_error(error)
                pause = patience.pause(reason)
                if pause is None:
                    self.log.warning("job %s may run on: %s", self.job_id, describe(reason))
                    return
                await asyncio.sleep(pause)
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
