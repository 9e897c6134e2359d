"""Shared fixtures: a separate Airflow home, a scripted scheduler, and a task's
context."""

from __future__ import annotations

import os
import tempfile

# Airflow reads its home when it is first imported.
_HOME = tempfile.mkdtemp(prefix="sluice-airflow-")
os.environ["AIRFLOW_HOME"] = _HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "True"

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.context import OutletEventAccessors
from fake_scheduler import FakeScheduler
from fake_task import StateStore, TaskInstance


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeScheduler]:
    """A scheduler in this process, and the connection to it."""
    with FakeScheduler() as fake:
        monkeypatch.setenv("AIRFLOW_CONN_SLUICE_DEFAULT", f"sluice://127.0.0.1:{fake.port}")
        yield fake


@pytest.fixture
def context(tmp_path: Any) -> dict[str, Any]:
    """The context of one task instance; it is the same for all tries."""
    return {
        "ti": TaskInstance(),
        "dag": SimpleNamespace(folder=str(tmp_path)),
        "outlet_events": OutletEventAccessors(),
        "task_state_store": StateStore(),
    }
