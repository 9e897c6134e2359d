"""Sluice's own programs, started for the tests.

`SLUICE_BIN` names their folder (default: the repository's target/debug);
`SLUICE_KAFKA_HOME` is a folder with Apache Kafka and its `kafka` script. Tests
whose prerequisites are missing are skipped, or fail when `SLUICE_CI` is set.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from cluster import Cluster

ROOT = Path(__file__).resolve().parents[3]


def missing(what: str) -> NoReturn:
    if os.environ.get("SLUICE_CI"):
        pytest.fail(what)
    pytest.skip(f"SKIPPED: {what}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def programs() -> Path:
    folder = Path(os.environ.get("SLUICE_BIN") or ROOT / "target/debug").resolve()
    for name in ("scheduler", "executor", "ingest-landing", "produce-events"):
        if not (folder / name).exists():
            missing(f"{folder / name} does not exist; build it (cargo build) or set SLUICE_BIN")
    return folder


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker."""
    home = os.environ.get("SLUICE_KAFKA_HOME")
    if not home:
        missing("SLUICE_KAFKA_HOME is not set; set it to a folder with Apache Kafka")
    script = f"{home}/kafka"
    folder = str(tmp_path_factory.mktemp("kafka"))
    started = subprocess.run([script, "start", folder], check=True, capture_output=True, text=True)
    yield started.stdout.split()[-1]
    subprocess.run([script, "stop", folder], check=True, capture_output=True)


@pytest.fixture(scope="session")
def running(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(programs, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A scheduler with two executors, and the connection to it."""
    monkeypatch.setenv("AIRFLOW_CONN_SLUICE_DEFAULT", running.connection())
    return running
