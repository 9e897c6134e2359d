"""The operators with the real `ingest-landing` and a real broker."""

from __future__ import annotations

import subprocess
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from sluice_airflow.errors import SluiceError, SluiceFailError
from sluice_airflow.operators.ingest import SluiceIngestOperator
from sluice_airflow.operators.landing import SluiceLandingOperator, SluiceReplayOperator
from sluice_airflow.sensors.landing import SluiceLandingCompleteSensor


@pytest.fixture
def topic(programs: Path, kafka: str) -> str:
    """A topic with 200 events."""
    name = f"events-{uuid.uuid4().hex[:8]}"
    subprocess.run(
        [programs / "produce-events", "user-events", "--topic", name, "--bulk", "--count", "200",
         "--bootstrap-servers", kafka],
        check=True, capture_output=True,
    )  # fmt: skip
    return name


@pytest.fixture
def options(programs: Path, kafka: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "task_id": "t",
        "landing": str(tmp_path / "landing"),
        "bootstrap_servers": kafka,
        "binary": str(programs / "ingest-landing"),
    }


def ingest(topic: str, options: dict[str, Any], **more: Any) -> SluiceIngestOperator:
    return SluiceIngestOperator(topics=[topic], **options, **more)


def test_a_retry_returns_the_recorded_result(topic: str, options: dict[str, Any], context: Any) -> None:
    lost = ingest(topic, options, until_caught_up=True).execute({**context, "task_state_store": None})
    assert (lost[topic]["rows"], lost[topic]["already_run"]) == (200, False)
    found = ingest(topic, options, until_caught_up=True).execute(context)
    assert (found[topic]["rows"], found[topic]["already_run"]) == (200, True)
    # Cleared: another run, and nothing is left to land.
    again = ingest(topic, options, until_caught_up=True).execute(context)
    assert (again[topic]["rows"], again[topic]["already_run"]) == (0, False)


def test_a_kill_lands_what_was_read(topic: str, options: dict[str, Any], context: Any) -> None:
    operator = ingest(topic, options, duration="10m")
    lines: list[str] = []
    operator.log.info = lambda form, *args: lines.append(form % args)  # type: ignore[method-assign]
    killed: list[float] = []

    def kill() -> None:
        # Ingest logs every few seconds how much it has read.
        while not any("reading: 200 records" in line for line in lines):
            time.sleep(0.05)
        killed.append(time.monotonic())
        operator.on_kill()

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(SluiceError, match="ended with its task"):
        operator.execute(context)
    assert time.monotonic() - killed[0] < 60
    (status,) = SluiceLandingOperator(command="status", **options).execute(context)
    assert (status["topic"], status["rows"]) == (topic, 200)


def test_an_unknown_topic_fails(kafka: str, options: dict[str, Any], context: Any) -> None:
    with pytest.raises(SluiceFailError, match=r"ended with 8 \(not_found\)"):
        ingest("gone", options, duration="1s").execute(context)


def test_an_unreachable_broker_is_retried(topic: str, options: dict[str, Any], context: Any) -> None:
    away = {**options, "bootstrap_servers": "127.0.0.1:1"}
    with pytest.raises(SluiceError, match=r"ended with 4 \(unavailable\)") as caught:
        SluiceIngestOperator(topics=[topic], options=["--timeout", "2s"], **away).execute(context)
    assert not isinstance(caught.value, SluiceFailError)


def test_maintenance_and_waiting(topic: str, options: dict[str, Any], context: Any, tmp_path: Path) -> None:
    ingest(topic, options, until_caught_up=True).execute(context)
    assert SluiceLandingOperator(command="collect", **options).execute(context) == {topic: 0}
    joined = SluiceLandingOperator(command="join", **options).execute(context)
    assert joined[topic]["deleted"] == 0
    verify = SluiceLandingOperator(command="verify", compare_with_broker=True, **options)
    (verified,) = verify.execute(context)
    assert verified["problems"] == []

    def complete(to: str) -> bool:
        return SluiceLandingCompleteSensor(topics=[topic], complete_to=to, **options).poke(context)

    assert complete("2020-01-01T00:00:00Z") is True
    assert complete("2199-01-01T00:00:00Z") is False

    damaged = next(Path(options["landing"], topic).glob("*.json"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(SluiceFailError, match=r"ended with 3 \(damaged\)"):
        verify.execute(context)


def test_a_replay_lands_in_a_separate_folder(topic: str, options: dict[str, Any], context: Any) -> None:
    replay = SluiceReplayOperator(topics=[topic], begin="earliest", end="latest", **options)
    first = replay.execute(context)
    assert first["topics"][topic]["rows"] == 200
    # The folder of this try has a ledger now; the next try has another one.
    with pytest.raises(SluiceFailError, match="has a ledger already"):
        replay.execute(context)
    context["ti"].try_number = 2
    assert replay.execute(context)["topics"][topic]["rows"] == 200
