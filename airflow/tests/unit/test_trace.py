from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from fake_scheduler import FakeScheduler

from sluice_airflow._proto import jobs_pb2 as pb
from sluice_airflow.hooks.sluice import SluiceHook
from sluice_airflow.landing import LandingProgram
from sluice_airflow.trace import trace_environment, trace_headers

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = PARENT[:-1] + "0"
OTHER = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRACEPARENT", raising=False)
    monkeypatch.delenv("TRACESTATE", raising=False)


def context(carrier: object) -> dict[str, Any]:
    return {"ti": SimpleNamespace(context_carrier=carrier)}


def test_without_a_trace_nothing_is_handed_on() -> None:
    assert trace_headers() == {}
    for carrier in (
        None,
        {},
        {"traceparent": ""},
        {"traceparent": "secret"},
        {"traceparent": UNSAMPLED},
        "text",
    ):
        assert trace_headers(context(carrier)) == {}


def test_the_task_instance_has_a_carrier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEPARENT", OTHER)
    carrier = {"traceparent": PARENT, "tracestate": "vendor=a", "baggage": "b=c"}
    assert trace_headers(context(carrier)) == {"traceparent": PARENT, "tracestate": "vendor=a"}
    assert trace_environment(context(carrier)) == {"TRACEPARENT": PARENT, "TRACESTATE": "vendor=a"}
    assert trace_headers(context(None)) == {"traceparent": OTHER}


def test_opentelemetry_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace.propagation.tracecontext", None)
    assert trace_headers(context({"traceparent": PARENT})) == {"traceparent": PARENT}


def test_the_span_that_is_current_wins() -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    span = trace.NonRecordingSpan(
        trace.SpanContext(
            trace_id=0x0AF7651916CD43DD8448EB211C80319C,
            span_id=0xB7AD6B7169203331,
            is_remote=False,
            trace_flags=trace.TraceFlags(1),
        )
    )
    with trace.use_span(span):
        assert trace_headers(context({"traceparent": OTHER}))["traceparent"] == PARENT


def test_a_submission_carries_the_headers(scheduler: FakeScheduler) -> None:
    with SluiceHook() as hook:
        hook.submit(pb.SubmitJobRequest(submission_id="a"))
        hook.submit(pb.SubmitJobRequest(submission_id="b"), {"traceparent": PARENT})
    assert scheduler.traceparents == [None, PARENT]


def test_a_program_gets_them_as_variables() -> None:
    program = LandingProgram("sh", lambda line: None, {"TRACEPARENT": PARENT})
    printed = program.run(["-c", 'printf "\\"$TRACEPARENT\\"" '])
    assert printed.document == PARENT
