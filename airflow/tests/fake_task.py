"""The parts of a running task that operators and triggers use."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class StateStore(dict[str, Any]):
    """The parts of Airflow's task state store that operators use."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


class TaskInstance(SimpleNamespace):
    """The parts of a task instance that operators use."""

    def __init__(self, **names: Any) -> None:
        super().__init__(
            **{"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "try_number": 1, **names}
        )
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value
