"""The generated code is up to date with jobs.proto."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_stubs_are_up_to_date(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("generate_stubs", ROOT / "dev/generate_stubs.py")
    assert spec is not None and spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    if not generator.PROTO.exists():
        pytest.skip(f"SKIPPED: {generator.PROTO} does not exist; run the tests in the repository")
    for made in generator.generate(tmp_path):
        kept = ROOT / "src" / made.relative_to(tmp_path)
        assert kept.read_text() == made.read_text(), f"{kept} is out of date; run dev/generate_stubs.py"
