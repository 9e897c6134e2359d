"""The ids under which Sluice knows a task's work.

Every try of a task instance asks for its work under the same id. So the next try
continues the work of a try whose worker died, and nothing runs twice. The id is
made from the key of the task instance: DAG, run, task and map index.

When the work under an id has ended, the task instance uses the next id: after a
failure, because a retry is meant to repeat the work, and after a success that was
reported to Airflow, because a user who clears the task wants the work repeated.
Reported successes are counted in the task's state store, which Airflow keeps
across tries and clears.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context

SETTLED = "sluice_settled"
"""The key of the number of rounds whose success was reported."""

# With it an id stays below the scheduler's limit of 128 characters.
_READABLE = 40


def base_id(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """The id of a task instance: a readable beginning and a hash that makes it
    unique. It has letters, digits and `-_.` only."""
    whole = json.dumps([dag_id, run_id, task_id, map_index])
    digest = hashlib.sha256(whole.encode()).hexdigest()[:20]
    readable = "-".join(_replace_special(part) for part in (dag_id, task_id))
    return f"af-{readable}-{digest}"


def _replace_special(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text)[:_READABLE]


class Identity:
    """The ids of one task instance."""

    def __init__(self, base: str) -> None:
        self.base = base

    @classmethod
    def of(cls, context: Context) -> Identity:
        """The ids of the running task instance."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        return cls(base_id(ti.dag_id, ti.run_id, ti.task_id, map_index))

    def round_id(self, number: int) -> str:
        """The id of a round; the first is 1."""
        return self.base if number <= 1 else f"{self.base}.{number}"

    def round_number(self, id: str) -> int:
        """The number of a round, from its id."""
        suffix = id.removeprefix(f"{self.base}.")
        return int(suffix) if suffix != id and suffix.isdigit() else 1


def reported_rounds(context: Context) -> int:
    """How many rounds were reported as succeeded."""
    store = context.get("task_state_store")
    value = store.get(SETTLED) if store is not None else None
    return value if isinstance(value, int) else 0


def record_success(context: Context, number: int) -> None:
    """Records that this round's success is about to be reported to Airflow. If
    the worker dies right after this, the next try repeats the work. That is
    harmless: tables are replaced by equal ones, and each message lands once
    whatever the run's id is."""
    store = context.get("task_state_store")
    if store is not None:
        store.set(SETTLED, number)
