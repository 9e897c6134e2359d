"""Kafka topics → landing → gold, followed by checks.

A scheduled or manual run ingests both topics into landing in parallel and adds what
has landed since the last run to the gold tables. A run with a date range (the parameters `range_from` and
`range_to`, or a run of `airflow backfill create`, whose range is its data
interval) rereads the records that were sent to Kafka in that range and writes the
tables of the range to a separate folder; landing and gold are not changed.

Airflow Variables hold the locations, as the workers and the cluster see them:

    sluice_landing           /opt/data/landing
    sluice_gold              /opt/data/gold
    sluice_job_file          /opt/jobs/landing_to_gold_streaming.sql
    sluice_kafka_properties  a file with the Kafka client's settings; optional

The brokers are the worker's KAFKA_BOOTSTRAP_SERVERS, the cluster is the
connection `sluice_default`. The environment variable STREAMFLOW_SCHEDULE is the schedule
of the pipeline (default @hourly), and STREAMFLOW_DEADLINE_MINUTES the time after
which a run is late (default 30; 0 for never).
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import Any

import streamflow_checks as checks
from airflow.sdk import (
    Asset,
    AsyncCallback,
    CronDataIntervalTimetable,
    DeadlineAlert,
    DeadlineReference,
    Label,
    Param,
    dag,
    task,
    task_group,
)
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from sluice_airflow.notifications.deadline import report_missed_deadline
from sluice_airflow.operators.ingest import SluiceIngestOperator
from sluice_airflow.operators.landing import SluiceLandingOperator, SluiceReplayOperator
from sluice_airflow.operators.submit_job import SluiceSubmitJobOperator

LANDING = "{{ var.value.get('sluice_landing', '/opt/data/landing') }}"
GOLD = "{{ var.value.get('sluice_gold', '/opt/data/gold') }}"
JOB_FILE = "{{ var.value.get('sluice_job_file', '/opt/jobs/landing_to_gold_streaming.sql') }}"
KAFKA_PROPERTIES = "{{ var.value.get('sluice_kafka_properties', '') }}"

PLAN = "ti.xcom_pull(task_ids='plan')"
REPLAYED = "{{ ti.xcom_pull(task_ids='replay')['landing'] }}"
TOPICS = list(checks.SOURCES)

GOLD_TABLES = {table: Asset(name=f"streamflow_gold/{table}") for table in checks.TABLES}
"""The assets on which other DAGs can be scheduled."""


def require_none(problems: list[str]) -> None:
    """Fails the task without a retry: the numbers would be the same."""
    if problems:
        raise AirflowFailException("; ".join(problems))


def late_after(minutes: int) -> DeadlineAlert | None:
    """The alert for a run that has not ended this long after it was queued. 0 is
    for `airflow dags test`, which in Airflow 3.3.2 fails on any deadline after the
    run has succeeded (apache/airflow#73428)."""
    if minutes == 0:
        return None
    return DeadlineAlert(
        name=f"{minutes} minutes after it was queued",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(minutes=minutes),
        callback=AsyncCallback(report_missed_deadline, kwargs={"limit": f"{minutes} minutes"}),
    )


@task
def plan(params: dict[str, Any], dag_run: Any) -> dict[str, str]:
    """The date range of this run; empty for a run over new records."""
    begin, end = params["range_from"], params["range_to"]
    if begin is None and end is None and dag_run.run_type == "backfill":
        begin, end = dag_run.data_interval_start.isoformat(), dag_run.data_interval_end.isoformat()
    if begin is None and end is None:
        return {}
    if begin is None or end is None:
        raise AirflowFailException("give both range_from and range_to, or neither")
    first, last = (datetime.fromisoformat(time).astimezone(timezone.utc) for time in (begin, end))
    if first >= last:
        raise AirflowFailException(f"range_from {begin} is not before range_to {end}")
    return {
        "begin": f"{first:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{last:%Y-%m-%dT%H:%M:%SZ}",
        "name": f"{first:%Y%m%dT%H%M%S}_{last:%Y%m%dT%H%M%S}",
    }


@task.branch
def choose(plan: dict[str, str]) -> list[str]:
    """The branch of this run."""
    return ["replay"] if plan else [f"ingest.{topic}" for topic in TOPICS]


@task_group
def ingest() -> None:
    """Both topics in parallel."""
    for topic in TOPICS:
        SluiceIngestOperator(
            task_id=topic,
            topics=[topic],
            landing=LANDING,
            duration="{{ params.duration }}",
            until_caught_up="{{ params.until_caught_up }}",
            kafka_properties=KAFKA_PROPERTIES,
        )


@task
def something_was_sent(replayed: dict[str, Any]) -> None:
    """Ends the run here when the range is empty: the job reads both topics, and
    a topic without a file is an error to it."""
    empty = [topic for topic, report in replayed["topics"].items() if report["rows"] == 0]
    if empty:
        raise AirflowSkipException(f"nothing was sent to {', '.join(empty)} in this range")


@task
def books_balance(job: Any, before: Any, after: Any, params: dict[str, Any]) -> None:
    """Every line is accounted for."""
    landed = checks.rows_landed(before), checks.rows_landed(after)
    require_none(checks.books(job, *landed, params["most_malformed_permille"]))


@task
def expectations(job: Any, params: dict[str, Any]) -> None:
    """Few lines are malformed, no table is empty."""
    require_none(checks.expectations(job, params["most_malformed_permille"]))


@task
def freshness(after: Any, params: dict[str, Any]) -> None:
    """Topics are complete up to a recent time."""
    most_age = timedelta(minutes=params["most_age_minutes"])
    require_none(checks.freshness(after, datetime.now(timezone.utc), most_age))


@dag(
    schedule=CronDataIntervalTimetable(os.environ.get("STREAMFLOW_SCHEDULE", "@hourly"), timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    # Two jobs that replace the same tables at the same time would only race.
    max_active_runs=1,
    default_args={
        "retries": 4,
        "retry_delay": timedelta(seconds=15),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
    },
    params={
        "duration": Param(
            "30s",
            type="string",
            minLength=1,
            title="Duration",
            description="How long ingest reads at most, such as 30s or 15m",
        ),
        "until_caught_up": Param(
            True,
            type="boolean",
            title="Until caught up",
            description="End ingest when all records are read that existed at its start",
        ),
        "range_from": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Range from",
            description="Reprocess what was sent to Kafka from this time on",
        ),
        "range_to": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Range to",
            description="The end of the range, exclusive",
        ),
        "most_malformed_permille": Param(
            20,
            type="number",
            minimum=0,
            maximum=1000,
            title="Malformed lines, per mille at most",
        ),
        "most_age_minutes": Param(
            60,
            type="integer",
            minimum=1,
            title="Age of landing, minutes at most",
        ),
    },
    deadline=late_after(int(os.environ.get("STREAMFLOW_DEADLINE_MINUTES", "30"))),
    doc_md=__doc__,
    tags=["sluice"],
)
def streamflow_main() -> None:
    """The pipeline."""
    planned = plan()
    branch = choose(planned)

    # New records.
    ingested = ingest()
    before = SluiceLandingOperator(
        task_id="landed_before",
        command="status",
        topics=TOPICS,
        landing=LANDING,
        kafka_properties=KAFKA_PROPERTIES,
    )
    load_gold = SluiceSubmitJobOperator(
        task_id="load_gold",
        job_file=JOB_FILE,
        name="streamflow {{ run_id }}",
        parameters={"landing": LANDING, "gold": GOLD},
        table_assets=GOLD_TABLES,
        execution_timeout=timedelta(hours=1),
        deferrable=True,
    )
    after = SluiceLandingOperator(
        task_id="landed_after",
        command="status",
        topics=TOPICS,
        landing=LANDING,
        kafka_properties=KAFKA_PROPERTIES,
    )
    branch >> Label("new records") >> ingested >> before >> load_gold >> after
    books_balance(load_gold.output, before.output, after.output)
    expectations(load_gold.output)
    freshness(after.output)

    # A date range.
    replay = SluiceReplayOperator(
        task_id="replay",
        topics=TOPICS,
        begin=f"{{{{ {PLAN}['begin'] }}}}",
        end=f"{{{{ {PLAN}['end'] }}}}",
        landing=f"{LANDING}-ranges/{{{{ {PLAN}['name'] }}}}/{{{{ run_id | replace(':', '-') }}}}",
        kafka_properties=KAFKA_PROPERTIES,
    )
    landed_range = SluiceLandingOperator(
        task_id="landed_range",
        command="status",
        topics=TOPICS,
        landing=REPLAYED,
        kafka_properties=KAFKA_PROPERTIES,
    )
    load_range = SluiceSubmitJobOperator(
        task_id="load_range",
        job_file=JOB_FILE,
        name="streamflow {{ run_id }}",
        parameters={
            "landing": REPLAYED,
            "gold": f"{GOLD}-ranges/{{{{ {PLAN}['name'] }}}}",
        },
        # Another run of the range has another landing folder.
        full_refresh_all=True,
        execution_timeout=timedelta(hours=1),
        deferrable=True,
    )
    branch >> Label("a date range") >> replay
    something_was_sent(replay.output) >> landed_range >> load_range
    books_balance.override(task_id="books_balance_range")(
        load_range.output, landed_range.output, landed_range.output
    )
    expectations.override(task_id="expectations_range")(load_range.output)


streamflow_main()
