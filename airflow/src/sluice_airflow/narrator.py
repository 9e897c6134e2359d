"""A job's events as lines for the task's log."""

from __future__ import annotations

import logging

from sluice_airflow._proto import jobs_pb2 as pb

_EVERY_MS = 5_000
"""Between two progress lines when nothing else happens."""

_LEVELS: dict[int, int] = {
    pb.LOG_LEVEL_ERROR: logging.ERROR,
    pb.LOG_LEVEL_WARN: logging.WARNING,
    pb.LOG_LEVEL_INFO: logging.INFO,
    pb.LOG_LEVEL_DEBUG: logging.DEBUG,
}

Line = tuple[int, str]
"""Level of `logging`, and text."""


def state_name(state: int) -> str:
    """Such as `SUCCEEDED`."""
    return pb.JobState.Name(state).removeprefix("JOB_STATE_")


class Narrator:
    """Says what is worth a line, and remembers how far the job was told."""

    def __init__(self, after_sequence: int = 0) -> None:
        self.sequence = after_sequence
        self.finished: pb.Job | None = None
        self._told_ms = 0
        self._done = -1
        self._waits = False

    def tell(self, event: pb.JobEvent) -> list[Line]:
        """The lines of the next event."""
        self.sequence = max(self.sequence, event.sequence)
        match event.WhichOneof("event"):
            case "log":
                line = event.log
                return [(_LEVELS.get(line.level, logging.INFO), f"[{line.target}] {line.message}")]
            case "state_change":
                return [(logging.INFO, f"job is {state_name(event.state_change.state)}")]
            case "progress":
                return self._progress(event.progress, event.at_ms)
            case "finished":
                self.finished = event.finished.job
                return []
            case _:
                # An event of a newer scheduler.
                return []

    def _progress(self, progress: pb.Progress, at_ms: int) -> list[Line]:
        waits = progress.executors == 0
        if waits and not self._waits:
            self._waits = True
            return [(logging.WARNING, "no executor is there; the job waits for one")]
        self._waits = waits
        if progress.datasets_done == self._done and at_ms - self._told_ms < _EVERY_MS:
            return []
        self._done = progress.datasets_done
        self._told_ms = at_ms
        return [(logging.INFO, progress_line(progress))]


def progress_line(progress: pb.Progress) -> str:
    """How far the job is, in one line."""
    return (
        f"{progress.elapsed_ms / 1000:.1f} s: "
        f"{progress.datasets_done} of {progress.datasets_total} tables, "
        f"{progress.tasks_done} of {progress.tasks_total} tasks, "
        f"{progress.rows_read:,} rows read, {progress.rows_written:,} written, "
        f"{progress.executors} executors with {progress.vcores} cores"
    )
