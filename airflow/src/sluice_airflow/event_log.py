"""A job's events as lines for the task's log."""

from __future__ import annotations

import logging

from sluice_airflow._proto import jobs_pb2 as pb

_PROGRESS_INTERVAL_MS = 5_000
"""Between two progress lines while no table is finished."""

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


class EventLog:
    """Turns events into log lines, and remembers the last event and the end."""

    def __init__(self, after_sequence: int = 0) -> None:
        self.sequence = after_sequence
        self.finished: pb.Job | None = None
        self._logged_ms = 0
        self._datasets_done = -1
        self._waiting = False

    def log_lines(self, event: pb.JobEvent) -> list[Line]:
        """The lines of the next event."""
        self.sequence = max(self.sequence, event.sequence)
        match event.WhichOneof("event"):
            case "log":
                line = event.log
                return [(_LEVELS.get(line.level, logging.INFO), f"[{line.target}] {line.message}")]
            case "state_change":
                return [(logging.INFO, f"job is {state_name(event.state_change.state)}")]
            case "progress":
                return self._progress_lines(event.progress, event.at_ms)
            case "finished":
                self.finished = event.finished.job
                return []
            case _:
                # An event of a newer scheduler.
                return []

    def _progress_lines(self, progress: pb.Progress, at_ms: int) -> list[Line]:
        waiting = progress.executors == 0
        if waiting and not self._waiting:
            self._waiting = True
            return [(logging.WARNING, "the cluster has no executors; the job waits for one")]
        self._waiting = waiting
        recent = at_ms - self._logged_ms < _PROGRESS_INTERVAL_MS
        if progress.datasets_done == self._datasets_done and recent:
            return []
        self._datasets_done = progress.datasets_done
        self._logged_ms = at_ms
        return [(logging.INFO, progress_line(progress))]


def progress_line(progress: pb.Progress) -> str:
    """The job's progress, in one line."""
    return (
        f"{progress.elapsed_ms / 1000:.1f} s: "
        f"{progress.datasets_done} of {progress.datasets_total} tables, "
        f"{progress.tasks_done} of {progress.tasks_total} tasks, "
        f"{progress.rows_read:,} rows read, {progress.rows_written:,} written, "
        f"{progress.executors} executors with {progress.vcores} cores"
    )
