from __future__ import annotations

import re
from typing import Any

from sluice_airflow.identity import Identity, base_id, record_success, reported_rounds


def test_the_scheduler_accepts_every_id() -> None:
    for names in (
        ("d", "manual__2026-11-24T10:00:00+00:00", "t", -1),
        ("δag with spaces/and more", "r" * 250, "group.task" * 30, 7),
    ):
        id = Identity(base_id(*names)).round_id(999)
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,127}", id), id


def test_each_part_of_the_name_counts() -> None:
    names = [
        ("d", "r", "t", -1),
        ("d", "r", "t", 0),
        ("d", "r", "u", -1),
        ("d", "s", "t", -1),
        ("e", "r", "t", -1),
        ("d", "r-t", "", -1),
    ]
    assert len({base_id(*each) for each in names}) == len(names)


def test_the_try_does_not_count(context: dict[str, Any]) -> None:
    first = Identity.of(context).round_id(1)  # type: ignore[arg-type]
    context["ti"].try_number = 2
    assert Identity.of(context).round_id(1) == first  # type: ignore[arg-type]


def test_a_reported_round_is_recorded(context: dict[str, Any]) -> None:
    assert reported_rounds(context) == 0  # type: ignore[arg-type]
    record_success(context, 3)  # type: ignore[arg-type]
    assert reported_rounds(context) == 3  # type: ignore[arg-type]


def test_an_id_contains_its_round() -> None:
    identity = Identity("af-d.2-t-0a1b")
    assert [identity.round_number(identity.round_id(number)) for number in (1, 2, 17)] == [1, 2, 17]
