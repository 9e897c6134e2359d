"""Waits until topics are complete up to a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator

from sluice_airflow.landing import (
    NOT_COMPLETE,
    PROGRAM,
    LandingProgram,
    kafka_options,
    raise_for_code,
)

if TYPE_CHECKING:
    from airflow.sdk import Context


class SluiceLandingCompleteSensor(BaseSensorOperator):
    """Waits until everything up to a time has landed. It needs no worker slot
    between two checks unless `mode="poke"` is given.

    :param landing: the landing folder, as the worker reaches it (templated)
    :param complete_to: the time, such as `2026-11-24T10:00:00Z` (templated)
    :param topics: the topics; all in the landing folder when none is given (templated)
    :param lateness: how late events may come, such as `10m` (templated)
    :param bootstrap_servers: Kafka brokers (templated)
    :param kafka_properties: a file with settings of the Kafka client (templated)
    :param kafka_conf: single settings that are not secrets (templated)
    :param binary: the program on the worker
    """

    template_fields: Sequence[str] = (
        "landing",
        "complete_to",
        "topics",
        "lateness",
        "bootstrap_servers",
        "kafka_properties",
        "kafka_conf",
    )

    def __init__(
        self,
        *,
        landing: str,
        complete_to: str = "{{ data_interval_end.isoformat() }}",
        topics: Sequence[str] = (),
        lateness: str = "0s",
        bootstrap_servers: str | None = None,
        kafka_properties: str | None = None,
        kafka_conf: Mapping[str, Any] | None = None,
        binary: str = PROGRAM,
        mode: str = "reschedule",
        **kwargs: Any,
    ) -> None:
        super().__init__(mode=mode, **kwargs)
        self.landing = landing
        self.complete_to = complete_to
        self.topics = topics
        self.lateness = lateness
        self.bootstrap_servers = bootstrap_servers
        self.kafka_properties = kafka_properties
        self.kafka_conf = kafka_conf
        self.binary = binary

    def poke(self, context: Context) -> bool:
        """Checks once."""
        arguments = ["status", "--landing", self.landing, "--complete-to", self.complete_to]
        arguments += ["--lateness", self.lateness, "--output", "json"]
        for topic in self.topics:
            arguments += ["--topic", topic]
        arguments += kafka_options(self.bootstrap_servers, self.kafka_properties, self.kafka_conf)
        program = LandingProgram(self.binary, lambda line: self.log.info("%s", line))
        finished = program.run(arguments)
        if finished.code not in (0, NOT_COMPLETE):
            raise_for_code(finished, f"{PROGRAM} status")
        return finished.code == 0
