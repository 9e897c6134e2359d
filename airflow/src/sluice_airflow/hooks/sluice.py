"""The connection to a Sluice scheduler: gRPC `sluice.v1`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import grpc
from airflow.sdk import BaseHook

from sluice_airflow import __version__
from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow._proto.jobs_pb2_grpc import JobServiceStub
from sluice_airflow.errors import job_error, raise_for
from sluice_airflow.retry import Backoff

if TYPE_CHECKING:
    from airflow.sdk import Connection

DEFAULT_PORT = 50050
DEFAULT_HTTP_PORT = 8080
CALL_SECONDS = 30.0
"""How long one answer may take; a job's events have no limit."""

TASK_ENDED = "the Airflow task was ended"
"""The reason for a cancel, as the job's record and its error contain it."""

# The limits are the scheduler's own. The diagnostics of a refused job come in a
# header.
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_send_message_length", 64 * 1024 * 1024),
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.absolute_max_metadata_size", 128 * 1024),
    # A scheduler that vanished without closing the connection is detected within
    # half a minute.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
]

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Address:
    """Where a scheduler is."""

    target: str
    """`HOST:PORT` of its gRPC port."""
    http_url: str
    """Its HTTP port as a browser reaches it, without a slash at the end."""

    @classmethod
    def of(cls, connection: Connection) -> Address:
        """The address that a connection names."""
        host = connection.host or ""
        if not host:
            raise ValueError(f"connection '{connection.conn_id}' has no host; give the scheduler's")
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        http_url = connection.extra_dejson.get("http_url") or f"http://{host}:{DEFAULT_HTTP_PORT}"
        return cls(f"{host}:{connection.port or DEFAULT_PORT}", str(http_url).rstrip("/"))

    def job_url(self, job_id: str) -> str:
        """The page of a job."""
        return f"{self.http_url}/api/v1/jobs/{job_id}"


class SluiceHook(BaseHook):
    """Starts, follows and cancels jobs.

    :param sluice_conn_id: a connection of type `sluice`
    :param patience: seconds to keep retrying when the scheduler does not answer
    """

    conn_name_attr = "sluice_conn_id"
    default_conn_name = "sluice_default"
    conn_type = "sluice"
    hook_name = "Sluice"

    def __init__(self, sluice_conn_id: str = default_conn_name, patience: float = 120.0) -> None:
        super().__init__()
        self.sluice_conn_id = sluice_conn_id
        self.patience = patience
        self._address: Address | None = None
        self._channel: grpc.Channel | None = None

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The form of a connection; provider.yaml says the same to the API server."""
        return {
            "hidden_fields": ["schema", "login", "password"],
            "relabeling": {"host": "Scheduler host", "port": "Scheduler gRPC port"},
            "placeholders": {
                "host": "scheduler",
                "port": str(DEFAULT_PORT),
                "extra": '{"http_url": "http://localhost:8080"}',
            },
        }

    @property
    def address(self) -> Address:
        """Where the scheduler is."""
        if self._address is None:
            self._address = Address.of(self.get_connection(self.sluice_conn_id))
        return self._address

    def get_conn(self) -> JobServiceStub:
        """The service; the channel to it is shared by all calls of this hook."""
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.address.target, options=_OPTIONS)
        return JobServiceStub(self._channel)

    def close(self) -> None:
        """Closes the channel; the next call opens another one."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def __enter__(self) -> SluiceHook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(
        self,
        method: Callable[..., Any],
        request: object,
        answer: type[Answer],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Makes a call, with retries while the scheduler cannot be reached. All
        calls may be repeated: a repeated submission is one job."""
        metadata = tuple((headers or {}).items())
        backoff = Backoff(self.patience)
        while True:
            try:
                return cast(Answer, method(request, timeout=CALL_SECONDS, metadata=metadata))
            except grpc.RpcError as error:
                reason = job_error(error)
            pause = backoff.next_pause(reason)
            if pause is None:
                raise_for(reason, f"scheduler {self.address.target}")
            self.log.warning("scheduler %s: %s; retrying", self.address.target, reason.message)
            time.sleep(pause)

    def submit(
        self, request: pb.SubmitJobRequest, trace: Mapping[str, str] | None = None
    ) -> pb.SubmitJobResponse:
        """Starts a job, or finds the one that has the submission id already. The job
        belongs to the trace of these W3C headers."""
        request.client_version = f"airflow-provider-sluice {__version__}"
        return self._call(self.get_conn().SubmitJob, request, pb.SubmitJobResponse, trace)

    def get_job(self, job_id: str) -> pb.Job:
        """A job in its current state."""
        return self._call(self.get_conn().GetJob, pb.GetJobRequest(id=job_id), pb.Job)

    def cancel(self, job_id: str, reason: str) -> pb.Job:
        """Cancels a job; does not wait for its end."""
        return self._call(self.get_conn().CancelJob, pb.CancelJobRequest(id=job_id, reason=reason), pb.Job)

    def server_info(self) -> pb.ServerInfoResponse:
        """The version and the executors of the cluster."""
        return self._call(self.get_conn().ServerInfo, pb.ServerInfoRequest(), pb.ServerInfoResponse)

    def watch(self, job_id: str, after_sequence: int = 0) -> Iterator[pb.JobEvent]:
        """A job's events to its end, with retries when the connection breaks."""
        backoff = Backoff(self.patience)
        while True:
            request = pb.WatchJobRequest(id=job_id, after_sequence=after_sequence)
            try:
                for event in self.get_conn().WatchJob(request):
                    after_sequence = event.sequence
                    backoff.reset()
                    yield event
                    if event.HasField("finished"):
                        return
                reason = pb.JobError(kind=pb.ERROR_KIND_UNAVAILABLE, message="the stream of events ended")
            except grpc.RpcError as error:
                reason = job_error(error)
            pause = backoff.next_pause(reason)
            if pause is None:
                raise_for(reason, f"job {job_id}")
            self.log.warning("job %s: %s; retrying", job_id, reason.message)
            time.sleep(pause)

    def test_connection(self) -> tuple[bool, str]:
        """For the Test button of the connection's form."""
        self.patience = 0.0
        try:
            info = self.server_info()
        except Exception as error:
            return False, str(error)
        return True, f"Sluice {info.version}, {info.executors} executors with {info.vcores} cores"


class SluiceAsyncHook:
    """The calls that the trigger needs, without blocking."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._channel = grpc.aio.insecure_channel(address.target, options=_OPTIONS)
        self._service = JobServiceStub(self._channel)

    @classmethod
    async def connect(cls, sluice_conn_id: str) -> SluiceAsyncHook:
        """The scheduler that a connection names."""
        return cls(Address.of(await SluiceHook.aget_connection(sluice_conn_id)))

    async def close(self) -> None:
        """Closes the channel."""
        await self._channel.close(None)

    async def watch(self, job_id: str, after_sequence: int) -> AsyncIterator[pb.JobEvent]:
        """A job's events on one connection; may end early."""
        request = pb.WatchJobRequest(id=job_id, after_sequence=after_sequence)
        async for event in self._service.WatchJob(request):
            yield event

    async def cancel(self, job_id: str, reason: str) -> pb.Job:
        """Cancels a job; does not wait for its end."""
        request = pb.CancelJobRequest(id=job_id, reason=reason)
        return await self._service.CancelJob(request, timeout=CALL_SECONDS)  # type: ignore[no-any-return]
