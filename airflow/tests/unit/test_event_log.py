from __future__ import annotations

import logging

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.event_log import EventLog


def progress(sequence: int, at_ms: int, **fields: int) -> pb.JobEvent:
    values = {"executors": 1, "datasets_total": 3, **fields}
    return pb.JobEvent(sequence=sequence, at_ms=at_ms, progress=pb.Progress(**values))  # type: ignore[arg-type]


def test_log_lines_keep_their_level() -> None:
    line = pb.LogLine(level=pb.LOG_LEVEL_WARN, target="driver", message="slow")
    lines = EventLog().log_lines(pb.JobEvent(sequence=1, log=line))
    assert lines == [(logging.WARNING, "[driver] slow")]


def test_progress_is_logged_for_each_finished_table_and_every_five_seconds() -> None:
    event_log = EventLog()
    counts = [
        len(event_log.log_lines(event))
        for event in (
            progress(1, 1_000),
            progress(2, 1_100, rows_read=5),
            progress(3, 1_200, datasets_done=1),
            progress(4, 6_100, datasets_done=1),
            progress(5, 6_300, datasets_done=1),
        )
    ]
    assert counts == [1, 0, 1, 0, 1]


def test_a_job_without_executors_is_logged_once() -> None:
    event_log = EventLog()
    first = event_log.log_lines(progress(1, 1_000, executors=0))
    assert first == [(logging.WARNING, "the cluster has no executors; the job waits for one")]
    assert event_log.log_lines(progress(2, 1_100, executors=0, datasets_done=0))[0][0] == logging.INFO
    assert event_log.log_lines(progress(3, 1_200, executors=0, datasets_done=0)) == []


def test_an_event_of_a_newer_scheduler_is_skipped() -> None:
    event_log = EventLog()
    assert event_log.log_lines(pb.JobEvent(sequence=7)) == []
    assert event_log.sequence == 7
