"""The trace that a task belongs to, handed on to what the task starts.

Airflow has spans of tasks when its traces are on (`[traces] otel_on`). Otherwise it gives
tasks a context that says "not sampled", which would turn off the job's own trace: only
spans that are sampled are handed on. The package `opentelemetry-api` is not needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

HEADERS = ("traceparent", "tracestate")
# The last bit of the flags means that the span is sampled.
_SAMPLED = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f][13579bdf]")


def trace_headers(context: Context | Mapping[str, Any] | None = None) -> dict[str, str]:
    """The W3C headers of the running task's span: of the span that is current, or else
    of the task instance, or else of the process that started this one."""
    for carrier in (_current_span(), _task_instance(context), _environment()):
        traceparent = carrier.get("traceparent")
        if isinstance(traceparent, str) and _SAMPLED.fullmatch(traceparent):
            return {name: str(carrier[name]) for name in HEADERS if carrier.get(name)}
    return {}


def trace_environment(context: Context | Mapping[str, Any] | None = None) -> dict[str, str]:
    """The same as environment variables of a program."""
    return {name.upper(): value for name, value in trace_headers(context).items()}


def _current_span() -> dict[str, Any]:
    try:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        return {}
    carrier: dict[str, Any] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier


def _task_instance(context: Context | Mapping[str, Any] | None) -> Mapping[str, Any]:
    carrier = getattr((context or {}).get("ti"), "context_carrier", None)
    return carrier if isinstance(carrier, Mapping) else {}


def _environment() -> dict[str, Any]:
    return {name: os.environ.get(name.upper()) for name in HEADERS}
