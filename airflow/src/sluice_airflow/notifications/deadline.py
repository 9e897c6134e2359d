"""The notification for a run that misses its deadline."""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


async def report_missed_deadline(context: dict[str, Any], **kwargs: Any) -> str:
    """Logs the late run in the triggerer's log, at level error. For a
    `DeadlineAlert`; use another notifier to be notified elsewhere.

    :param kwargs: the arguments of the alert, printed unchanged
    """
    run = context.get("dag_run") or {}
    deadline = context.get("deadline") or {}
    message = (
        f"DAG {run.get('dag_id')} run {run.get('dag_run_id')} is {run.get('state')} "
        f"and has missed its deadline {deadline.get('deadline_time')}"
    )
    if kwargs:
        message += ": " + ", ".join(f"{key}={value}" for key, value in sorted(kwargs.items()))
    log.error("%s", message)
    return message
