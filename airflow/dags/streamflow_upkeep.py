"""Maintains the landing folder every night: deletes the files of killed runs, joins
small files that are older than a day into larger ones (and deletes those that were
joined two days before), then rereads everything and compares it with the ledger. With the parameter
`compare_with_broker` it also compares with the records that the brokers still have.

The Variables are those of `streamflow_main`.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import CronTriggerTimetable, Param, dag, task

from sluice_airflow.operators.landing import SluiceLandingOperator

LANDING = "{{ var.value.get('sluice_landing', '/opt/data/landing') }}"
KAFKA_PROPERTIES = "{{ var.value.get('sluice_kafka_properties', '') }}"


@task.branch
def choose(params: dict[str, object]) -> str:
    """The branch: with or without the brokers."""
    return "verify_with_broker" if params["compare_with_broker"] else "verify"


@dag(
    schedule=CronTriggerTimetable("30 3 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=30),
    },
    params={
        "compare_with_broker": Param(
            False,
            type="boolean",
            title="Compare with the brokers",
            description="Reads every record that the brokers still have",
        ),
    },
    doc_md=__doc__,
    tags=["sluice"],
)
def streamflow_upkeep() -> None:
    """Orphan files first: deleted files need not be verified."""
    collect = SluiceLandingOperator(task_id="collect", command="collect", landing=LANDING)
    join = SluiceLandingOperator(task_id="join", command="join", landing=LANDING)
    verify, verify_with_broker = (
        SluiceLandingOperator(
            task_id=task_id,
            command="verify",
            landing=LANDING,
            compare_with_broker=broker,
            kafka_properties=KAFKA_PROPERTIES,
        )
        for task_id, broker in (("verify", False), ("verify_with_broker", True))
    )
    collect >> join >> choose() >> [verify, verify_with_broker]


streamflow_upkeep()
