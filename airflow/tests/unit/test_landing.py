"""The operators for `ingest-landing`, with a scripted program."""

from __future__ import annotations

import json
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from sluice_airflow.errors import SluiceError, SluiceFailError
from sluice_airflow.landing import kafka_options
from sluice_airflow.operators.ingest import SluiceIngestOperator
from sluice_airflow.operators.landing import SluiceLandingOperator, SluiceReplayOperator
from sluice_airflow.sensors.landing import SluiceLandingCompleteSensor

REPORT = {"topic": "t", "already_run": False, "rows": 3, "rejects": 1, "files": 1, "bytes": 30}

# Writes its arguments to a file, then runs the body that the test gives.
PROGRAM = """#!{python}
import json, signal, sys, time
with open({seen!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
{body}
"""


class Program:
    """A scripted program in place of `ingest-landing`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "program"
        self.seen = folder / "seen"

    def runs(self, body: str) -> str:
        text = PROGRAM.format(python=sys.executable, seen=str(self.seen), body=body)
        self.path.write_text(text)
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)
        return str(self.path)

    def prints(self, document: Any) -> str:
        return self.runs(f"print({json.dumps(json.dumps(document))})")

    def ends(self, code: int, error: str = "error: why") -> str:
        return self.runs(
            f"print('INFO begins', file=sys.stderr); sys.exit({error!r} if {code} == 1 else "
            f"(print({error!r}, file=sys.stderr), {code})[1])"
        )

    def arguments(self) -> list[list[str]]:
        return [json.loads(line) for line in self.seen.read_text().splitlines()]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def ingest(binary: str, **options: Any) -> SluiceIngestOperator:
    defaults: dict[str, Any] = {"task_id": "t", "topics": ["t"], "landing": "/landing", "binary": binary}
    return SluiceIngestOperator(**{**defaults, **options})


def test_ingest_gets_its_arguments(program: Program, context: Any) -> None:
    result = ingest(
        program.prints([REPORT]),
        duration="30s",
        until_caught_up="True",
        bootstrap_servers="kafka:9092",
        kafka_properties="/etc/kafka.properties",
        kafka_conf={"security.protocol": "SASL_SSL"},
        options=["--compression", "zstd"],
    ).execute(context)
    assert result == {"t": REPORT}
    (arguments,) = program.arguments()
    assert " ".join(arguments) == (
        f"--landing /landing --run-id {arguments[3]} --topic t --duration 30s --until-caught-up "
        "--bootstrap-servers kafka:9092 --kafka-properties /etc/kafka.properties "
        "--kafka-conf security.protocol=SASL_SSL --compression zstd --output json"
    )


def test_tries_share_their_run_id_and_a_cleared_task_gets_another(program: Program, context: Any) -> None:
    broken = program.ends(4)
    for _ in range(2):
        with pytest.raises(SluiceError):
            ingest(broken).execute(context)
    working = program.prints([REPORT])
    for _ in range(2):
        ingest(working).execute(context)
    ids = [arguments[3] for arguments in program.arguments()]
    assert ids == [ids[0], ids[0], ids[0], f"{ids[0]}.2"]


@pytest.mark.parametrize("code", [2, 3, 8, 10, 11, 12])
def test_a_code_that_a_retry_cannot_fix_fails(program: Program, context: Any, code: int) -> None:
    with pytest.raises(AirflowFailException, match=f"ended with {code} .*: error: why"):
        ingest(program.ends(code)).execute(context)


@pytest.mark.parametrize("code", [1, 4, 5, 9, 13, 77])
def test_a_code_that_a_retry_may_fix_is_retried(program: Program, context: Any, code: int) -> None:
    with pytest.raises(SluiceError, match=f"ended with {code} ") as caught:
        ingest(program.ends(code)).execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def test_a_code_can_skip(program: Program, context: Any) -> None:
    with pytest.raises(AirflowSkipException):
        ingest(program.ends(8), skip_on_exit_code=[8]).execute(context)


def test_a_killed_program_is_retried(program: Program, context: Any) -> None:
    binary = program.runs("import os; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(SluiceError, match="ended by SIGKILL"):
        ingest(binary).execute(context)


def test_a_missing_program_fails(context: Any) -> None:
    with pytest.raises(SluiceFailError, match="install it on the worker"):
        ingest("/gone/ingest-landing").execute(context)


def test_its_lines_are_logged_as_they_are_written(
    program: Program, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = program.runs("print('INFO batch committed', file=sys.stderr); print('[]')")
    ingest(binary).execute(context)
    logged = capsys.readouterr().out
    assert "INFO batch committed" in logged
    assert f"$ {binary} --landing /landing" in logged


def test_a_kill_sends_sigterm_and_is_not_a_success(program: Program, context: Any) -> None:
    binary = program.runs(
        "def end(*_):\n"
        "    print('INFO ends in order', file=sys.stderr)\n"
        "    print('[]')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('INFO reads', file=sys.stderr, flush=True)\n"
        "time.sleep(60)"
    )
    operator = ingest(binary)
    lines: list[str] = []
    operator.log.info = lambda form, *args: lines.append(form % args)  # type: ignore[method-assign]

    def kill() -> None:
        while "INFO reads" not in lines:
            time.sleep(0.01)
        operator.on_kill()

    threading.Thread(target=kill, daemon=True).start()
    with pytest.raises(SluiceError, match="ended with its task"):
        operator.execute(context)
    assert "INFO ends in order" in lines
    assert context["task_state_store"] == {}


@pytest.mark.parametrize(
    "key, value",
    [
        ("sasl.password", "x"),
        ("ssl.key.pem", "x"),
        ("sasl.oauthbearer.client.secret", "x"),
        ("sasl.jaas.config", "x"),
        ("schema.registry.url", "https://user:x@host/"),
    ],
)
def test_a_secret_on_the_command_line_is_refused(key: str, value: str) -> None:
    with pytest.raises(SluiceFailError, match="properties file") as caught:
        kafka_options(None, None, {key: value})
    assert "x@" not in str(caught.value)


def test_names_of_files_are_not_secrets() -> None:
    conf = {"ssl.key.location": "/k.pem", "sasl.username": "u", "aws.web.identity.token.file": "/t"}
    assert len(kafka_options(None, None, conf)) == 6


def test_commands_get_their_arguments(program: Program, context: Any) -> None:
    binary = program.prints({"t": 0})
    for options in (
        {"command": "collect", "bootstrap_servers": "kafka:9092"},
        {"command": "join", "topics": ["a"], "bootstrap_servers": "kafka:9092"},
        {"command": "verify", "topics": ["a", "b"], "compare_with_broker": True},
        {"command": "status", "bootstrap_servers": "kafka:9092"},
    ):
        operator = SluiceLandingOperator(task_id="t", landing="/l", binary=binary, **options)
        assert operator.execute(context) == {"t": 0}
    assert [" ".join(arguments) for arguments in program.arguments()] == [
        "collect --landing /l --output json",
        "join --landing /l --topic a --output json",
        "verify --landing /l --topic a --topic b --broker --output json",
        "status --landing /l --bootstrap-servers kafka:9092 --output json",
    ]
    with pytest.raises(ValueError, match="status, verify, join or collect"):
        SluiceLandingOperator(task_id="t", landing="/l", command="replay")


def test_each_try_of_a_replay_has_its_own_folder(program: Program, context: Any) -> None:
    operator = SluiceReplayOperator(
        task_id="t", topics=["t", "t"], begin="2026-11-01", end="2026-11-02", landing="/l/",
        binary=program.prints(REPORT),
    )  # fmt: skip
    context["ti"].try_number = 3
    assert operator.execute(context) == {"landing": "/l/try-3", "topics": {"t": REPORT}}
    assert " ".join(program.arguments()[0]) == (
        "replay --topic t --from 2026-11-01 --to 2026-11-02 --landing /l/try-3 --output json"
    )


def test_the_sensor_waits_while_topics_are_not_complete(program: Program, context: Any) -> None:
    def sensor(binary: str) -> SluiceLandingCompleteSensor:
        return SluiceLandingCompleteSensor(
            task_id="t", landing="/l", topics=["t"], complete_to="2026-11-24T10:00:00Z", binary=binary
        )

    assert sensor(program.ends(13)).poke(context) is False
    assert sensor(program.prints([])).poke(context) is True
    with pytest.raises(SluiceFailError, match=r"ended with 8 \(not_found\)"):
        sensor(program.ends(8)).poke(context)
    assert sensor("x").reschedule is True
    assert " ".join(program.arguments()[0]) == (
        "status --landing /l --complete-to 2026-11-24T10:00:00Z --lateness 0s --output json --topic t"
    )
