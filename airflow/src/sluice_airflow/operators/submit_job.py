"""Runs a SQL job file on a Sluice cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk import conf as airflow_conf

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import SluiceError, SluiceFailError, raise_for
from sluice_airflow.event_log import EventLog, state_name
from sluice_airflow.hooks.sluice import TASK_ENDED, SluiceHook
from sluice_airflow.identity import Identity, record_success, reported_rounds
from sluice_airflow.links.job import SluiceJobLink
from sluice_airflow.results import JobResult, emit_asset_events, job_result, summary
from sluice_airflow.trace import trace_headers
from sluice_airflow.triggers.job import SluiceJobTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

_RUNNING = frozenset(
    {pb.JOB_STATE_ACCEPTED, pb.JOB_STATE_PLANNED, pb.JOB_STATE_RUNNING, pb.JOB_STATE_COMMITTING}
)

# Rounds of one task instance: far more than a task is retried or cleared.
_MAX_ROUNDS = 1_000


def _has_ended(hook: SluiceHook, submission_id: str) -> bool:
    """Whether there is a job with this id, and it has ended."""
    try:
        return hook.get_job(submission_id).state not in _RUNNING
    except SluiceError as error:
        if error.kind == "not_found":
            return False
        raise


class SluiceSubmitJobOperator(BaseOperator):
    """Submits a job, follows it, and ends with the job's result.

    The submission id is made from DAG, run, task and map index and not from the
    try. After a try whose worker died, the next one finds the job, running or
    finished, and continues with it. A job that failed is submitted again.

    :param job_file: the job file on the worker; a relative path begins at the
        DAG's folder. The file is read without Jinja. (path templated)
    :param sql: the text of the job instead of a file (templated)
    :param parameters: values of the variables that the job file declares (templated)
    :param name: the job's name; default: DAG and task (templated)
    :param conf: settings of the run, such as `sluice.target_file_size` (templated)
    :param refresh: only these datasets are refreshed: streaming tables get what is new,
        materialized views are computed; the others stay as they are (templated)
    :param full_refresh: these datasets are computed from all of their input, and their
        tables replaced (templated)
    :param full_refresh_all: all datasets are
    :param timeout: the scheduler ends a job that runs longer. Default: the task's
        `execution_timeout`, which then also holds while the task is deferred
    :param table_assets: the asset of each gold table; they become outlets, and
        their events contain version and row counts
    :param skip_on: kinds of failure that skip the task instead, such as `killed`
    :param sluice_conn_id: a connection of type `sluice`
    :param patience: seconds to keep retrying when the scheduler does not answer
    :param deferrable: wait in the triggerer, without a worker slot
    """

    template_fields: Sequence[str] = (
        "job_file",
        "sql",
        "parameters",
        "name",
        "conf",
        "refresh",
        "full_refresh",
        "sluice_conn_id",
    )
    template_fields_renderers = {"sql": "sql", "parameters": "json", "conf": "json"}  # noqa: RUF012
    operator_extra_links = (SluiceJobLink(),)
    ui_color = "#d7ecf3"

    def __init__(
        self,
        *,
        job_file: str | None = None,
        sql: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        name: str | None = None,
        conf: Mapping[str, Any] | None = None,
        refresh: Sequence[str] | str = (),
        full_refresh: Sequence[str] | str = (),
        full_refresh_all: bool = False,
        timeout: timedelta | None = None,
        table_assets: Mapping[str, Asset] | None = None,
        skip_on: Collection[str] = (),
        sluice_conn_id: str = SluiceHook.default_conn_name,
        patience: float = 120.0,
        deferrable: bool = airflow_conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        self.table_assets = dict(table_assets or {})
        if self.table_assets:
            kwargs["outlets"] = [*(kwargs.get("outlets") or ()), *self.table_assets.values()]
        super().__init__(**kwargs)
        if (job_file is None) == (sql is None):
            raise ValueError("give either job_file or sql")
        self.job_file = job_file
        self.sql = sql
        self.parameters = parameters
        self.name = name
        self.conf = conf
        self.refresh = refresh
        self.full_refresh = full_refresh
        self.full_refresh_all = full_refresh_all
        self.timeout = timeout
        self.skip_on = tuple(skip_on)
        self.sluice_conn_id = sluice_conn_id
        self.patience = patience
        self.deferrable = deferrable
        self._job_id: str | None = None
        self._killed = False

    def execute(self, context: Context) -> JobResult:
        """Submits the job, or finds the one of an earlier try, and waits."""
        request = self._request(context)
        with SluiceHook(self.sluice_conn_id, self.patience) as hook:
            job = self._submit(hook, request, context)
            self._job_id = job.job_id
            SluiceJobLink.persist(context["ti"], hook.address.job_url(job.job_id))
            if self._killed:
                # The kill came before the scheduler knew the job.
                job = hook.cancel(job.job_id, TASK_ENDED)
            if job.state in _RUNNING:
                if self.deferrable and not self._killed:
                    self.defer(
                        trigger=SluiceJobTrigger(self.sluice_conn_id, job.job_id, self.patience),
                        method_name=self.execute_complete.__name__,
                    )
                job = self._follow(hook, job.job_id)
        return self._finish(context, job)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> JobResult:
        """Continues after the trigger has fired."""
        self._job_id = event["job_id"]
        if "lost" in event:
            # The job has not ended: the next try finds it by its submission id.
            raise SluiceError(f"job {event['job_id']}: {event['lost']}", "unavailable")
        with SluiceHook(self.sluice_conn_id, self.patience) as hook:
            job = hook.get_job(event["job_id"])
        return self._finish(context, job)

    def on_kill(self) -> None:
        """Cancels the job. Runs in a signal handler, which may interrupt anything,
        so it uses a separate connection and does not wait for the job's end."""
        self._killed = True
        if self._job_id is None:
            return
        try:
            with SluiceHook(self.sluice_conn_id, patience=0.0) as hook:
                hook.cancel(self._job_id, TASK_ENDED)
            self.log.info("job %s: cancel requested", self._job_id)
        except SluiceError as error:
            # An exception from here would interrupt the task's own work.
            self.log.warning("job %s may still be running: %s", self._job_id, error)

    def _request(self, context: Context) -> pb.SubmitJobRequest:
        file_name, text = self._text(context)
        limits = [limit for limit in (self.timeout, self.execution_timeout) if limit]
        return pb.SubmitJobRequest(
            name=self.name or f"{self.dag_id}.{self.task_id}",
            file_name=file_name,
            text=text,
            params={key: _value(value) for key, value in (self.parameters or {}).items()},
            conf={key: _value(value) for key, value in (self.conf or {}).items()},
            timeout_ms=int(min(limits).total_seconds() * 1000) if limits else 0,
            user="airflow",
            scope=self._scope(),
        )

    def _scope(self) -> pb.RunScope | None:
        scope = pb.RunScope(
            refresh=_names(self.refresh),
            full_refresh=_names(self.full_refresh),
            full_refresh_all=self.full_refresh_all,
        )
        # Absent for all datasets.
        return scope if scope != pb.RunScope() else None

    def _text(self, context: Context) -> tuple[str, str]:
        if self.sql is not None:
            return f"{self.task_id}.sql", self.sql
        path = Path(str(self.job_file))
        if not path.is_absolute():
            path = Path(context["dag"].folder) / path
        try:
            return path.name, path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SluiceFailError(f"cannot read the job file {path}: {error}", "invalid") from error

    def _submit(self, hook: SluiceHook, request: pb.SubmitJobRequest, context: Context) -> pb.Job:
        identity = Identity.of(context)
        first = reported_rounds(context) + 1
        for number in range(first, first + _MAX_ROUNDS):
            request.submission_id = identity.round_id(number)
            # Set before the call, so that a kill during the call finds the job.
            self._job_id = request.submission_id
            try:
                answer = hook.submit(request, trace_headers(context))
            except SluiceFailError as error:
                # Refused also when the id is that of a job with another text or
                # other parameters: they were changed since an earlier try.
                if error.kind != "invalid" or not _has_ended(hook, request.submission_id):
                    raise
                self.log.info("%s; submitting under the next id", error)
                continue
            job = answer.job
            if not answer.existing:
                self.log.info("submitted as job %s (%s)", job.job_id, request.submission_id)
            elif job.state in _RUNNING:
                self.log.info(
                    "job %s of an earlier try is %s; continuing with it", job.job_id, state_name(job.state)
                )
            elif job.state == pb.JOB_STATE_SUCCEEDED:
                self.log.info("job %s of an earlier try has already succeeded", job.job_id)
            else:
                self.log.info(
                    "job %s of an earlier try is %s; submitting again", job.job_id, state_name(job.state)
                )
                continue
            for warning in job.warnings:
                self.log.warning("%s", warning.rendered.rstrip() or warning.message)
            return job
        raise SluiceFailError(f"{_MAX_ROUNDS} jobs were submitted for this task", "invalid")

    def _follow(self, hook: SluiceHook, job_id: str) -> pb.Job:
        event_log = EventLog()
        for event in hook.watch(job_id):
            for level, text in event_log.log_lines(event):
                self.log.log(level, "%s", text)
        if event_log.finished is None:
            raise SluiceError(f"job {job_id}: its events ended before the job", "unavailable")
        return event_log.finished

    def _finish(self, context: Context, job: pb.Job) -> JobResult:
        if job.state != pb.JOB_STATE_SUCCEEDED:
            if self._killed or TASK_ENDED in job.reason.message:
                # Airflow ended the job, in this try or an earlier one, so Airflow
                # decides whether there is a retry.
                raise SluiceError(f"job {job.job_id} was ended with its task", "killed")
            raise_for(job.reason, f"job {job.job_id} is {state_name(job.state)}", self.skip_on)
        result = job_result(job)
        for line in summary(result):
            self.log.info("%s", line)
        emit_asset_events(context, result, self.table_assets, self.outlets)
        record_success(context, Identity.of(context).round_number(job.submission_id))
        return result


def _names(names: Sequence[str] | str) -> list[str]:
    """Names of datasets, from a list or a text with commas."""
    if not isinstance(names, str):
        return list(names)
    return [name.strip() for name in names.split(",") if name.strip()]


def _value(value: Any) -> str:
    """A value as the scheduler reads it; `True` is written as in SQL."""
    return str(value).lower() if isinstance(value, bool) else str(value)
