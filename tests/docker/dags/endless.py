"""Jobs that do not end by themselves, for tests that interrupt a task during its
job: one task waits on its worker, the other one in the triggerer."""

from datetime import timedelta

from airflow.sdk import dag

from sluice_airflow.operators.submit_job import SluiceSubmitJobOperator


def endless_dag(dag_id: str, *, deferrable: bool) -> None:
    @dag(
        dag_id,
        schedule=None,
        is_paused_upon_creation=False,
        default_args={"retries": 2, "retry_delay": timedelta(seconds=1)},
    )
    def one_job() -> None:
        SluiceSubmitJobOperator(
            task_id="job",
            job_file="/opt/test-jobs/endless.sql",
            name=dag_id,
            parameters={"landing": "/opt/data/landing", "gold": "/opt/data/endless"},
            deferrable=deferrable,
        )

    one_job()


endless_dag("endless_on_a_worker", deferrable=False)
endless_dag("endless_deferred", deferrable=True)
