"""The ids under which a task's work is known to Sluice.

A task instance, whatever its try, asks for its work under the same id, so a try
whose worker died is continued by the next one and nothing runs twice. The id is
made from what names the task instance: Dag, run, task and map index.

When the work under an id is over and done with, the task instance goes on to the
next id. That is so when the work failed (a retry is meant to do it again), and
when Airflow was told that it succeeded (somebody who clears the task wants it
done anew). The latter is remembered in the task's state store, which Airflow
keeps over tries and clears.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context

SETTLED = "sluice_settled"
"""Where the number of rounds is kept whose success was reported."""

# With it an id stays below the scheduler's limit of 128 characters.
_READABLE = 40


def base_id(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """The id of a task instance: readable at its beginning, unambiguous by the
    hash at its end, of letters, digits and `-_.` only."""
    whole = json.dumps([dag_id, run_id, task_id, map_index])
    digest = hashlib.sha256(whole.encode()).hexdigest()[:20]
    readable = "-".join(_plain(part) for part in (dag_id, task_id))
    return f"af-{readable}-{digest}"


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", text)[:_READABLE]


class Identity:
    """The ids of one task instance."""

    def __init__(self, base: str) -> None:
        self.base = base

    @classmethod
    def of(cls, context: Context) -> Identity:
        """The ids of the task instance that runs."""
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        return cls(base_id(ti.dag_id, ti.run_id, ti.task_id, map_index))

    def round(self, number: int) -> str:
        """The id of a round; the first is 1."""
        return self.base if number <= 1 else f"{self.base}.{number}"

    def number(self, id: str) -> int:
        """The number of a round, from its id."""
        suffix = id.removeprefix(f"{self.base}.")
        return int(suffix) if suffix != id and suffix.isdigit() else 1


def settled_rounds(context: Context) -> int:
    """How many rounds were reported as succeeded."""
    store = context.get("task_state_store")
    value = store.get(SETTLED) if store is not None else None
    return value if isinstance(value, int) else 0


def settle(context: Context, number: int) -> None:
    """Notes that Airflow is about to be told of this round's success. A worker
    that dies just behind this makes the next try do the work again, which
    changes nothing: tables are replaced by equal ones, and each message lands
    once whatever the run is called."""
    store = context.get("task_state_store")
    if store is not None:
        store.set(SETTLED, number)
