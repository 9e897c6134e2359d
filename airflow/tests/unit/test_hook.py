from __future__ import annotations

import pytest
from fake_scheduler import FakeScheduler

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import SluiceError, SluiceFailError
from sluice_airflow.hooks.sluice import Address, SluiceHook


def address(uri: str, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.setenv("AIRFLOW_CONN_S", uri)
    return SluiceHook("s").address


def test_an_address_has_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address("sluice://scheduler", monkeypatch) == Address("scheduler:50050", "http://scheduler:8080")


def test_links_can_lead_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    found = address("sluice://h:1/?http_url=https%3A%2F%2Fexample.org%2Fsluice%2F", monkeypatch)
    assert found.target == "h:1"
    assert found.job_url("j") == "https://example.org/sluice/api/v1/jobs/j"


def test_a_connection_without_host_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="has no host"):
        address("sluice://", monkeypatch)


def test_the_test_button(scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    assert SluiceHook().test_connection() == (True, "Sluice 1.2.3, 2 executors with 4 cores")
    monkeypatch.setenv("AIRFLOW_CONN_SLUICE_DEFAULT", "sluice://127.0.0.1:1")
    fine, message = SluiceHook().test_connection()
    assert not fine and "unavailable" in message


def test_a_refused_job_brings_its_diagnostics(scheduler: FakeScheduler) -> None:
    scheduler.refuse = pb.JobError(kind=pb.ERROR_KIND_INVALID, message="the job file has an error")
    scheduler.refuse.diagnostics.add(rendered="error[E0103]: no column `x`")
    with SluiceHook() as hook, pytest.raises(SluiceFailError, match="E0103") as caught:
        hook.submit(pb.SubmitJobRequest())
    assert caught.value.kind == "invalid"


def test_an_unknown_job_is_not_found(scheduler: FakeScheduler) -> None:
    with SluiceHook() as hook, pytest.raises(SluiceError, match="no job has the id") as caught:
        hook.get_job("gone")
    assert caught.value.kind == "not_found"


def test_calls_to_an_unreachable_scheduler_are_retried_and_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SLUICE_DEFAULT", "sluice://127.0.0.1:1")
    with SluiceHook(patience=1.0) as hook, pytest.raises(SluiceError) as caught:
        hook.get_job("j")
    assert caught.value.kind == "unavailable"
    assert not isinstance(caught.value, SluiceFailError)


def test_a_broken_stream_continues_where_it_was(scheduler: FakeScheduler) -> None:
    def run(job):  # type: ignore[no-untyped-def]
        for message in ("a", "b"):
            job.emit(log=pb.LogLine(message=message))
        job.succeed(orders=1)

    scheduler.on_submit = run
    scheduler.broken_streams = 2
    with SluiceHook() as hook:
        hook.submit(pb.SubmitJobRequest(submission_id="s"))
        events = list(hook.watch("s"))
    assert [event.sequence for event in events] == [1, 2, 3]
    assert scheduler.watched_after == [0, 1, 2]
