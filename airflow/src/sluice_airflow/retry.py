"""Retries while the scheduler cannot be reached."""

from __future__ import annotations

import time

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.errors import is_lost

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0


class Backoff:
    """Growing pauses between attempts, with a time limit.

    :param seconds: the limit, from now on
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.reset()

    def reset(self) -> None:
        """Starts again with the shortest pause and the full limit, after an answer."""
        self._limit = time.monotonic() + self.seconds
        self._pause = _FIRST_PAUSE

    def next_pause(self, reason: pb.JobError) -> float | None:
        """Seconds to the next attempt after one that failed for this reason.
        None if a retry would not help, or the limit is reached."""
        pause = self._pause
        if not is_lost(reason) or time.monotonic() + pause > self._limit:
            return None
        self._pause = min(pause * 2, _LONGEST_PAUSE)
        return pause
