"""Reads Kafka topics into a landing folder, each message exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sluice_airflow.identity import Identity, record_success, reported_rounds
from sluice_airflow.landing import PROGRAM
from sluice_airflow.operators.landing import LandingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class SluiceIngestOperator(LandingOperator):
    """Runs `ingest-landing` on the worker. The run id is made from DAG, run, task
    and map index and not from the try. So a retry of a finished run returns its
    recorded result, and a retry of an interrupted run continues it.

    The XCom contains the report of each topic: rows, rejects, files, bytes, entries.

    :param topics: one or more topics (templated)
    :param duration: end after this time: seconds, or such as `90s` or `15m` (templated)
    :param until_caught_up: end when all records are read that existed at the
        start; with `duration`, at whichever comes first (templated)
    :param max_records: end after this many records of each topic (templated)
    :param max_bytes: end after this much of each topic, such as `500MB` (templated)
    :param accept_data_loss: continue when records were deleted before they were
        read, and record the hole
    :param options: further options of `ingest-landing`, such as `["--compression", "zstd"]` (templated)
    """

    template_fields: Sequence[str] = (
        *LandingOperator.template_fields,
        "topics",
        "duration",
        "until_caught_up",
        "max_records",
        "max_bytes",
        "options",
    )

    def __init__(
        self,
        *,
        topics: Sequence[str],
        duration: str | float | None = None,
        until_caught_up: bool | str = False,
        max_records: int | str | None = None,
        max_bytes: int | str | None = None,
        accept_data_loss: bool = False,
        options: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.topics = topics
        self.duration = duration
        self.until_caught_up = until_caught_up
        self.max_records = max_records
        self.max_bytes = max_bytes
        self.accept_data_loss = accept_data_loss
        self.options = options

    def execute(self, context: Context) -> dict[str, Any]:
        """Runs it, or returns the result of an earlier try."""
        number = reported_rounds(context) + 1
        arguments = ["--landing", self.landing, "--run-id", Identity.of(context).round_id(number)]
        for topic in self.topics:
            arguments += ["--topic", topic]
        for option, value in (
            ("--duration", self.duration),
            ("--max-records", self.max_records),
            ("--max-bytes", self.max_bytes),
        ):
            if value not in (None, ""):
                arguments += [option, str(value)]
        if str(self.until_caught_up).lower() == "true":
            arguments.append("--until-caught-up")
        if self.accept_data_loss:
            arguments.append("--accept-data-loss")
        arguments += [*self.kafka(), *self.options]
        reports = self.run_program(PROGRAM, arguments, context)
        result = {report["topic"]: report for report in reports}
        for topic, report in result.items():
            known = ", by an earlier try" if report["already_run"] else ""
            self.log.info("%s: %s rows, %s rejects%s", topic, report["rows"], report["rejects"], known)
        record_success(context, number)
        return result
