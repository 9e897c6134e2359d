"""A link from a task to its job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.execution_time.xcom import XCom

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class SluiceJobLink(BaseOperatorLink):
    """The job's page on the scheduler's HTTP port."""

    name = "Sluice job"

    @staticmethod
    def persist(ti: Any, url: str) -> None:
        """Stores the link while the job runs. Airflow itself would store it only
        when the task ends."""
        ti.xcom_push(key=SluiceJobLink().xcom_key, value=url)

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The stored link; empty if the task has not submitted yet."""
        return XCom.get_value(ti_key=ti_key, key=self.xcom_key) or ""
