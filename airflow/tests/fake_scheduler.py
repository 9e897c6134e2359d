"""A `sluice.v1.JobService` in this process. The test scripts its jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow._proto.jobs_pb2_grpc import (
    JobServiceServicer,
    add_JobServiceServicer_to_server,
)

ENDED = {pb.JOB_STATE_SUCCEEDED, pb.JOB_STATE_FAILED, pb.JOB_STATE_KILLED, pb.JOB_STATE_TIMED_OUT,
         pb.JOB_STATE_INTERRUPTED}  # fmt: skip


class FakeJob:
    """A job and its events."""

    def __init__(self, job: pb.Job, text: str = "") -> None:
        self.job = job
        self.text = text
        self.events: list[pb.JobEvent] = []
        self.changed = threading.Condition()

    def emit(self, **event: Any) -> None:
        """Adds an event."""
        with self.changed:
            number = len(self.events) + 1
            self.events.append(pb.JobEvent(sequence=number, at_ms=number * 1000, **event))
            self.changed.notify_all()

    def end(self, state: int, reason: pb.JobError | None = None) -> None:
        """Ends the job, once."""
        if self.job.state in ENDED:
            return
        self.job.state = state  # type: ignore[assignment]
        if reason is not None:
            self.job.reason.CopyFrom(reason)
        self.emit(finished=pb.Finished(job=self.job))

    def fail(self, kind: int, message: str) -> None:
        """Ends the job with an error."""
        self.end(pb.JOB_STATE_FAILED, pb.JobError(kind=kind, message=message))  # type: ignore[arg-type]

    def succeed(self, **rows: int) -> None:
        """Ends the job with a table for each argument."""
        for number, (name, count) in enumerate(rows.items()):
            self.job.datasets.add(
                name=name, rows=count, files=1, bytes=10 * count, version=number,
                location=f"/gold/{name}", phase=pb.DATASET_PHASE_COMMITTED,
            )  # fmt: skip
        self.end(pb.JOB_STATE_SUCCEEDED)


class FakeScheduler(JobServiceServicer):
    """Jobs run until the test ends them, for example in `on_submit`."""

    def __init__(self) -> None:
        self.jobs: dict[str, FakeJob] = {}
        self.requests: list[pb.SubmitJobRequest] = []
        self.traceparents: list[Any] = []
        self.on_submit: Callable[[FakeJob], None] = lambda job: None
        self.refuse: pb.JobError | None = None
        self.broken_streams = 0
        self.lost_cancels = 0
        self.watched_after: list[int] = []
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        add_JobServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    def __enter__(self) -> FakeScheduler:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def _find(self, id: str, context: grpc.ServicerContext) -> FakeJob:
        for job in self.jobs.values():
            if id in (job.job.job_id, job.job.submission_id):
                return job
        self._refuse(pb.JobError(kind=pb.ERROR_KIND_NOT_FOUND, message=f"no job has the id {id}"), context)
        raise AssertionError

    def _refuse(self, error: pb.JobError, context: grpc.ServicerContext) -> None:
        """As the scheduler does: the error is in the status' details."""
        context.set_trailing_metadata((("grpc-status-details-bin", error.SerializeToString()),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, error.message)

    def SubmitJob(self, request: pb.SubmitJobRequest, context: grpc.ServicerContext) -> pb.SubmitJobResponse:
        self.requests.append(request)
        headers = {str(key): value for key, value in context.invocation_metadata()}
        self.traceparents.append(headers.get("traceparent"))
        if self.refuse is not None:
            self._refuse(self.refuse, context)
        for known in self.jobs.values():
            if known.job.submission_id == request.submission_id:
                if known.text != request.text:
                    message = f"the submission id '{request.submission_id}' is that of another job"
                    self._refuse(pb.JobError(kind=pb.ERROR_KIND_INVALID, message=message), context)
                return pb.SubmitJobResponse(job=known.job, existing=True)
        job_id = f"job-{len(self.jobs) + 1}"
        record = pb.Job(job_id=job_id, submission_id=request.submission_id, state=pb.JOB_STATE_RUNNING)
        job = FakeJob(record, request.text)
        self.jobs[job_id] = job
        self.on_submit(job)
        return pb.SubmitJobResponse(job=job.job)

    def WatchJob(self, request: pb.WatchJobRequest, context: grpc.ServicerContext) -> Iterator[pb.JobEvent]:
        job = self._find(request.id, context)
        self.watched_after.append(request.after_sequence)
        sent = request.after_sequence
        while True:
            with job.changed:
                while len(job.events) <= sent and context.is_active():
                    job.changed.wait(0.1)
                waiting = job.events[sent:]
            for event in waiting:
                sent = event.sequence
                yield event
                if event.HasField("finished"):
                    return
                if self.broken_streams > 0:
                    self.broken_streams -= 1
                    context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")
            if not context.is_active():
                return

    def GetJob(self, request: pb.GetJobRequest, context: grpc.ServicerContext) -> pb.Job:
        return self._find(request.id, context).job

    def CancelJob(self, request: pb.CancelJobRequest, context: grpc.ServicerContext) -> pb.Job:
        job = self._find(request.id, context)
        if self.lost_cancels > 0:
            self.lost_cancels -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")
        job.end(
            pb.JOB_STATE_KILLED,
            pb.JobError(kind=pb.ERROR_KIND_KILLED, message=f"the job was cancelled: {request.reason}"),
        )
        return job.job

    def ServerInfo(
        self, request: pb.ServerInfoRequest, context: grpc.ServicerContext
    ) -> pb.ServerInfoResponse:
        return pb.ServerInfoResponse(version="1.2.3", executors=2, vcores=4)
