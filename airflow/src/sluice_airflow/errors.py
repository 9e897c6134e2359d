"""What a failure means to Airflow: fail, retry, or skip.

The kinds are those of `sluice.v1.ErrorKind`; docs/exit-codes.md is the contract.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NoReturn, cast

import grpc
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from sluice_airflow._proto import jobs_pb2 as pb

KINDS: dict[int, str] = {
    value: name.removeprefix("ERROR_KIND_").lower() for name, value in pb.ErrorKind.items()
}
"""The kinds as JSON and logs show them, such as `data_quality`."""

FINAL_KINDS = frozenset({"invalid", "data_quality", "execution", "killed"})
"""Kinds that a retry cannot fix: the job, its parameters or its data have to
change first, or a user cancelled the job."""

_DETAILS = "grpc-status-details-bin"

# The kind of a status that does not come from the scheduler: it describes the
# connection, not a job. The same as in `proto/src/kind.rs`.
_BY_CODE: dict[grpc.StatusCode, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: pb.ERROR_KIND_INVALID,
    grpc.StatusCode.OUT_OF_RANGE: pb.ERROR_KIND_INVALID,
    grpc.StatusCode.NOT_FOUND: pb.ERROR_KIND_NOT_FOUND,
    grpc.StatusCode.UNAVAILABLE: pb.ERROR_KIND_UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: pb.ERROR_KIND_UNAVAILABLE,
    grpc.StatusCode.CANCELLED: pb.ERROR_KIND_UNAVAILABLE,
    grpc.StatusCode.UNIMPLEMENTED: pb.ERROR_KIND_UNAVAILABLE,
    grpc.StatusCode.PERMISSION_DENIED: pb.ERROR_KIND_UNAVAILABLE,
    grpc.StatusCode.UNAUTHENTICATED: pb.ERROR_KIND_UNAVAILABLE,
    grpc.StatusCode.ABORTED: pb.ERROR_KIND_TRANSIENT,
    grpc.StatusCode.RESOURCE_EXHAUSTED: pb.ERROR_KIND_TRANSIENT,
}


class SluiceError(AirflowException):
    """A failure that a retry may fix."""

    def __init__(self, message: str, kind: str = "unspecified") -> None:
        super().__init__(message)
        self.kind = kind


class SluiceFailError(SluiceError, AirflowFailException):
    """A failure that a retry cannot fix: the task fails at once."""


def job_error(error: grpc.RpcError) -> pb.JobError:
    """The `JobError` of a refused call: the one in the status' details, or one
    made from code and message if the scheduler sent none."""
    # The stubs declare a single entry; in fact it is a sequence of entries.
    metadata = cast(Sequence[tuple[str, str | bytes]], error.trailing_metadata() or ())
    for key, value in metadata:
        if key == _DETAILS:
            found = pb.JobError()
            try:
                found.ParseFromString(value if isinstance(value, bytes) else value.encode("latin-1"))
            except Exception:
                break
            if found.kind != pb.ERROR_KIND_UNSPECIFIED:
                return found
    code = error.code()
    return pb.JobError(
        kind=_BY_CODE.get(code, pb.ERROR_KIND_INTERNAL),  # type: ignore[arg-type]
        message=error.details() or code.name.lower().replace("_", " "),
    )


def is_lost(error: pb.JobError) -> bool:
    """Whether a retry of the call may succeed a little later."""
    return error.kind in (pb.ERROR_KIND_UNAVAILABLE, pb.ERROR_KIND_TRANSIENT)


def describe(error: pb.JobError) -> str:
    """The error as text, with its diagnostics and the next step."""
    parts = [error.message]
    parts += [diagnostic.rendered.rstrip() or diagnostic.message for diagnostic in error.diagnostics]
    if error.next_step:
        parts.append(f"next: {error.next_step}")
    return "\n".join(parts)


def raise_for(error: pb.JobError, what: str, skip_on: Collection[str] = ()) -> NoReturn:
    """Ends the task as the error's kind requires."""
    kind = KINDS.get(error.kind, "unspecified")
    message = f"{what} ({kind}): {describe(error)}"
    if kind in skip_on:
        raise AirflowSkipException(message)
    if kind in FINAL_KINDS:
        raise SluiceFailError(message, kind)
    raise SluiceError(message, kind)
