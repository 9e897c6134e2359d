"""Each kind of failure has the effect that docs/exit-codes.md describes."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import KINDS, SluiceError, describe, raise_for

FAIL = {"invalid", "data_quality", "execution", "killed"}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {0}))
def test_a_kind_fails_or_is_retried(kind: int) -> None:
    with pytest.raises(SluiceError) as caught:
        raise_for(pb.JobError(kind=kind, message="why"), "job 1")  # type: ignore[arg-type]
    assert isinstance(caught.value, AirflowFailException) == (KINDS[kind] in FAIL)
    assert caught.value.kind == KINDS[kind]
    assert str(caught.value) == f"job 1 ({KINDS[kind]}): why"


def test_a_kind_can_skip() -> None:
    with pytest.raises(AirflowSkipException):
        raise_for(pb.JobError(kind=pb.ERROR_KIND_KILLED), "job 1", skip_on=["killed"])


def test_the_description_has_diagnostics_and_the_next_step() -> None:
    error = pb.JobError(message="2 errors", next_step="correct it")
    error.diagnostics.add(rendered="error[E0103]: no column `x`\n --> job.sql:3:8\n")
    assert describe(error) == "2 errors\nerror[E0103]: no column `x`\n --> job.sql:3:8\nnext: correct it"
