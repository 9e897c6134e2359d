"""Other commands of `ingest-landing`: status, verify, join, collect, replay."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from sluice_airflow.errors import SluiceError
from sluice_airflow.landing import PROGRAM, Finished, LandingProgram, kafka_options, raise_for_code
from sluice_airflow.trace import trace_environment

if TYPE_CHECKING:
    from airflow.sdk import Context


class LandingOperator(BaseOperator):
    """The parameters that all commands of `ingest-landing` share.

    :param landing: the landing folder, as the worker reaches it (templated)
    :param bootstrap_servers: Kafka brokers; default: the worker's
        `KAFKA_BOOTSTRAP_SERVERS` (templated)
    :param kafka_properties: a file on the worker with settings of the Kafka client;
        passwords belong there (templated)
    :param kafka_conf: single settings that are not secrets (templated)
    :param skip_on_exit_code: codes that skip the task instead
    :param binary: the program on the worker
    """

    template_fields: Sequence[str] = (
        "landing",
        "bootstrap_servers",
        "kafka_properties",
        "kafka_conf",
    )
    ui_color = "#dcefdc"

    def __init__(
        self,
        *,
        landing: str,
        bootstrap_servers: str | None = None,
        kafka_properties: str | None = None,
        kafka_conf: Mapping[str, Any] | None = None,
        skip_on_exit_code: Collection[int] = (),
        binary: str = PROGRAM,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.landing = landing
        self.bootstrap_servers = bootstrap_servers
        self.kafka_properties = kafka_properties
        self.kafka_conf = kafka_conf
        self.skip_on_exit_code = tuple(skip_on_exit_code)
        self.binary = binary
        self._program: LandingProgram | None = None

    def run_program(self, what: str, arguments: Sequence[str], context: Context | None = None) -> Any:
        """Runs the program and returns the JSON that it printed, or ends the
        task as the exit code requires. What it does belongs to the task's trace."""
        if self._program is None:
            self._program = LandingProgram(
                self.binary, lambda line: self.log.info("%s", line), trace_environment(context)
            )
        finished = self._program.run([*arguments, "--output", "json"])
        if self._program.stopped:
            raise SluiceError(
                f"{what} was ended with its task; the records read so far have landed", "killed"
            )
        if finished.code != 0:
            self.on_failure(what, finished)
        return finished.document

    def on_failure(self, what: str, finished: Finished) -> None:
        """Ends the task as the exit code requires."""
        raise_for_code(finished, what, self.skip_on_exit_code)

    def kafka(self) -> list[str]:
        """The options for the connection to the brokers."""
        return kafka_options(self.bootstrap_servers, self.kafka_properties, self.kafka_conf)

    def on_kill(self) -> None:
        """Sends SIGTERM: the program commits the records that it has read and ends."""
        if self._program is not None:
            self._program.stop()


class SluiceLandingOperator(LandingOperator):
    """Maintains a landing folder: `status`, `verify`, `join` or `collect`. The XCom
    is the JSON that the command prints.

    :param command: the command
    :param topics: the topics; all in the landing folder when none is given (templated)
    :param compare_with_broker: `verify` only: compare with the brokers too
    """

    template_fields: Sequence[str] = (*LandingOperator.template_fields, "topics")

    def __init__(
        self,
        *,
        command: str,
        topics: Sequence[str] = (),
        compare_with_broker: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if command not in ("status", "verify", "join", "collect"):
            raise ValueError(f"command must be status, verify, join or collect, not '{command}'")
        if compare_with_broker and command != "verify":
            raise ValueError("compare_with_broker needs command='verify'")
        self.command = command
        self.topics = topics
        self.compare_with_broker = compare_with_broker

    def execute(self, context: Context) -> Any:
        """Runs the command."""
        arguments = [self.command, "--landing", self.landing]
        for topic in self.topics:
            arguments += ["--topic", topic]
        if self.compare_with_broker:
            arguments.append("--broker")
        if self.command not in ("join", "collect"):
            arguments += self.kafka()
        return self.run_program(f"{PROGRAM} {self.command}", arguments)


class SluiceReplayOperator(LandingOperator):
    """Rereads a part of topics into a separate landing folder, for repairs and for
    date ranges. The folder must not have a ledger yet, so each try gets its own
    folder below `landing`; its path is in the XCom, as `landing`.

    :param topics: the topics, read one after the other (templated)
    :param begin: the first time or offset: `2026-11-01`, `2026-11-01T10:00:00Z`,
        `earliest` (templated)
    :param end: the time or offset after the last, or `latest` (templated)
    """

    template_fields: Sequence[str] = (*LandingOperator.template_fields, "topics", "begin", "end")

    def __init__(self, *, topics: Sequence[str], begin: str, end: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.topics = topics
        self.begin = begin
        self.end = end

    def execute(self, context: Context) -> dict[str, Any]:
        """Runs the command for each topic."""
        folder = f"{self.landing.rstrip('/')}/try-{context['ti'].try_number}"
        reports = []
        for topic in self.topics:
            arguments = [
                "replay", "--topic", topic, "--from", self.begin, "--to", self.end,
                "--landing", folder, *self.kafka(),
            ]  # fmt: skip
            reports.append(self.run_program(f"{PROGRAM} replay of {topic}", arguments))
        return {"landing": folder, "topics": {report["topic"]: report for report in reports}}
