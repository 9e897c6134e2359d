"""The operator, with a scripted scheduler."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from fake_scheduler import FakeJob, FakeScheduler

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import SluiceError, SluiceFailError
from sluice_airflow.hooks.sluice import TASK_ENDED, SluiceHook
from sluice_airflow.identity import Identity
from sluice_airflow.operators.submit_job import SluiceSubmitJobOperator
from sluice_airflow.triggers.job import SluiceJobTrigger

SQL = "CREATE OR REFRESH MATERIALIZED VIEW orders AS SELECT 1"


def task(**options: Any) -> SluiceSubmitJobOperator:
    return SluiceSubmitJobOperator(task_id="t", **{"sql": SQL, "patience": 1.0, **options})


def succeed(job: FakeJob) -> None:
    job.emit(log=pb.LogLine(level=pb.LOG_LEVEL_INFO, target="driver", message="planned"))
    job.succeed(orders=3)


def fail(kind: int) -> Any:
    return lambda job: job.fail(kind, "why")


def test_a_job_is_submitted_with_its_options(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.on_submit = succeed
    task(
        parameters={"gold": "/gold", "limit": 3, "strict": True},
        conf={"sluice.max_attempts": 2},
        name="n",
        timeout=timedelta(minutes=5),
        execution_timeout=timedelta(minutes=2),
    ).execute(context)
    (request,) = scheduler.requests
    assert dict(request.params) == {"gold": "/gold", "limit": "3", "strict": "true"}
    assert dict(request.conf) == {"sluice.max_attempts": "2"}
    assert (request.name, request.text, request.file_name) == ("n", SQL, "t.sql")
    assert request.timeout_ms == 120_000
    assert not request.HasField("scope")


def test_the_datasets_to_refresh_are_lists_or_texts(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.on_submit = succeed
    task(refresh=["a", "b"], full_refresh="c, d").execute(context)
    scope = scheduler.requests[0].scope
    assert (list(scope.refresh), list(scope.full_refresh)) == (["a", "b"], ["c", "d"])
    task(refresh="", full_refresh_all=True).execute(context)
    assert scheduler.requests[-1].scope == pb.RunScope(full_refresh_all=True)


def test_a_job_file_is_found_next_to_the_dag(scheduler: FakeScheduler, context: Any, tmp_path: Path) -> None:
    (tmp_path / "job.sql").write_text("SELECT '{{ not jinja }}'")
    scheduler.on_submit = succeed
    task(sql=None, job_file="job.sql").execute(context)
    assert scheduler.requests[0].text == "SELECT '{{ not jinja }}'"
    assert scheduler.requests[0].file_name == "job.sql"
    with pytest.raises(SluiceFailError, match="cannot read the job file"):
        task(sql=None, job_file="gone.sql").execute(context)


def test_file_and_text_exclude_each_other() -> None:
    for options in ({"sql": None}, {"job_file": "job.sql"}):
        with pytest.raises(ValueError, match="either job_file or sql"):
            task(**options)


def test_the_result_has_rows_and_versions(
    scheduler: FakeScheduler, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    # It runs when the submission is answered, so its events are followed.
    scheduler.on_submit = lambda job: threading.Timer(0.2, succeed, [job]).start()
    result = task().execute(context)
    assert result["state"] == "SUCCEEDED"
    assert result["tables"]["orders"] == {
        "version": 0, "rows": 3, "table_rows": None, "files": 1, "bytes": 30, "seconds": 0.0,
        "location": "/gold/orders",
    }  # fmt: skip
    url = f"http://127.0.0.1:8080/api/v1/jobs/{result['job_id']}"
    assert context["ti"].xcoms == {"_link_SluiceJobLink": url}
    logged = capsys.readouterr().out
    assert "[driver] planned" in logged
    assert "orders: 3 rows in 1 files, version 0" in logged


def test_a_retry_continues_with_the_running_job(scheduler: FakeScheduler, context: Any) -> None:
    started = threading.Event()
    scheduler.on_submit = lambda job: started.set()
    lost = threading.Thread(target=lambda: _quietly(task(), context), daemon=True)
    lost.start()
    assert started.wait(60)
    # The worker of the first try has died; its job is still running.
    context["ti"].try_number = 2
    threading.Timer(0.3, lambda: scheduler.jobs["job-1"].succeed(orders=3)).start()
    assert task().execute(context)["job_id"] == "job-1"
    assert len(scheduler.jobs) == 1
    lost.join(60)


def _quietly(operator: SluiceSubmitJobOperator, context: Any) -> None:
    operator.execute({**context, "task_state_store": None})


def test_a_retry_finds_a_success_that_was_not_reported(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.on_submit = succeed
    first = task().execute({**context, "task_state_store": None})
    assert task().execute(context)["job_id"] == first["job_id"]
    assert len(scheduler.jobs) == 1


def test_a_retry_of_a_failed_job_submits_again(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.on_submit = fail(pb.ERROR_KIND_TRANSIENT)
    for _ in range(2):
        with pytest.raises(SluiceError, match="transient"):
            task().execute(context)
    scheduler.on_submit = succeed
    assert task().execute(context)["job_id"] == "job-3"
    ids = [job.job.submission_id for job in scheduler.jobs.values()]
    assert ids[1:] == [f"{ids[0]}.2", f"{ids[0]}.3"]


def test_a_job_that_was_corrected_after_a_failure_is_another_job(
    scheduler: FakeScheduler, context: Any
) -> None:
    scheduler.on_submit = fail(pb.ERROR_KIND_EXECUTION)
    with pytest.raises(SluiceFailError, match="why"):
        task(sql="SELECT 1 / 0").execute(context)
    scheduler.on_submit = succeed
    assert task(sql="SELECT 1").execute(context)["job_id"] == "job-2"


def test_a_job_that_runs_is_not_taken_for_one_with_another_text(
    scheduler: FakeScheduler, context: Any
) -> None:
    with SluiceHook() as hook:
        identity = Identity.of(context)
        hook.submit(pb.SubmitJobRequest(submission_id=identity.round_id(1), text="SELECT 2"))
    with pytest.raises(SluiceFailError, match="another job"):
        task(sql="SELECT 1").execute(context)
    assert len(scheduler.jobs) == 1


def test_a_task_that_is_cleared_after_success_runs_again(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.on_submit = succeed
    assert [task().execute(context)["job_id"] for _ in range(3)] == ["job-1", "job-2", "job-3"]


def test_a_wrong_job_fails_at_once(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.refuse = pb.JobError(kind=pb.ERROR_KIND_INVALID, message="2 errors")
    with pytest.raises(SluiceFailError, match="2 errors"):
        task().execute(context)
    assert len(scheduler.requests) == 1


def test_a_job_that_was_killed_elsewhere_can_skip(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.on_submit = lambda job: job.end(
        pb.JOB_STATE_KILLED, pb.JobError(kind=pb.ERROR_KIND_KILLED, message="by hand")
    )
    with pytest.raises(SluiceFailError, match="by hand"):
        task().execute(context)
    with pytest.raises(AirflowSkipException):
        task(skip_on=["killed"]).execute(context)


def test_a_kill_ends_the_job(scheduler: FakeScheduler, context: Any) -> None:
    operator = task()
    scheduler.on_submit = lambda job: threading.Timer(0.3, operator.on_kill).start()
    with pytest.raises(SluiceError, match="ended with its task") as caught:
        operator.execute(context)
    assert not isinstance(caught.value, SluiceFailError)
    assert scheduler.jobs["job-1"].job.state == pb.JOB_STATE_KILLED
    assert scheduler.jobs["job-1"].job.reason.message.endswith("the Airflow task was ended")


def test_a_job_that_ends_with_an_earlier_try_is_retried(scheduler: FakeScheduler, context: Any) -> None:
    # The previous try was cleared; its trigger cancels the job that this one found.
    scheduler.on_submit = lambda job: threading.Timer(
        0.3, lambda: SluiceHook().cancel(job.job.job_id, TASK_ENDED)
    ).start()
    with pytest.raises(SluiceError) as caught:
        task().execute(context)
    assert not isinstance(caught.value, SluiceFailError)


def test_a_kill_during_the_submission_ends_the_job(scheduler: FakeScheduler, context: Any) -> None:
    for deferrable in (False, True):
        operator = task(deferrable=deferrable)
        # The scheduler does not know the job yet when it is asked to end it.
        operator._job_id = "not-known-yet"
        operator.on_kill()
        with pytest.raises(SluiceError, match="ended with its task"):
            operator.execute(context)
    assert {job.job.state for job in scheduler.jobs.values()} == {pb.JOB_STATE_KILLED}
    assert len(scheduler.jobs) == 2


def test_a_deferrable_task_waits_in_the_triggerer(scheduler: FakeScheduler, context: Any) -> None:
    operator = task(deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    assert isinstance(deferred.value.trigger, SluiceJobTrigger)
    assert deferred.value.trigger.job_id == "job-1"
    scheduler.jobs["job-1"].succeed(orders=3)
    resume = getattr(task(deferrable=True), deferred.value.method_name)
    event = {"job_id": "job-1", "state": "SUCCEEDED"}
    assert resume(context, event)["tables"]["orders"]["rows"] == 3
    # Its success was reported, so another run of the task is another job.
    with pytest.raises(TaskDeferred) as again:
        task(deferrable=True).execute(context)
    assert again.value.trigger.job_id == "job-2"


def test_a_job_that_ended_already_is_not_deferred(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.on_submit = succeed
    task().execute({**context, "task_state_store": None})
    assert task(deferrable=True).execute(context)["job_id"] == "job-1"


def test_a_lost_scheduler_is_retried(scheduler: FakeScheduler, context: Any) -> None:
    with pytest.raises(SluiceError) as caught:
        task().execute_complete(context, {"job_id": "job-1", "lost": "no answer"})
    assert caught.value.kind == "unavailable" and not isinstance(caught.value, SluiceFailError)


def test_asset_events_have_version_and_rows(scheduler: FakeScheduler, context: Any) -> None:
    scheduler.on_submit = lambda job: job.succeed(orders=3, days=2)
    orders, others = Asset("gold_orders"), AssetAlias("gold")
    operator = task(table_assets={"orders": orders}, outlets=[others])
    assert operator.outlets == [others, orders]
    operator.execute(context)
    extra = context["outlet_events"][orders].extra
    assert (extra["table"], extra["rows"], extra["version"]) == ("orders", 3, 0)
    (event,) = context["outlet_events"][others].asset_alias_events
    assert event.dest_asset_key.name == "gold/days"
    assert event.extra["rows"] == 2


def test_an_asset_of_a_table_that_the_job_does_not_have_is_a_mistake(
    scheduler: FakeScheduler, context: Any
) -> None:
    scheduler.on_submit = succeed
    with pytest.raises(SluiceFailError, match="table_assets names refunds"):
        task(table_assets={"refunds": Asset("refunds")}).execute(context)
