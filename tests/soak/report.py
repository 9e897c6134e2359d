"""What is made of a soak's measurements: whether processes grew, and one table."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable

from growth import (
    MIB,
    WARM_SECONDS,
    Growth,
    Life,
    Measurement,
    growth_between_lives,
    growth_within_lives,
    grows_too_much,
    quiet_moments,
)

KIB = 1024
# How much more a process may hold for each job, or for each minute where it runs no jobs.
# The scheduler keeps the records of its jobs, and the events of the newest hundred.
LIMIT_PER_UNIT = 128 * KIB
# What differs by itself between two measurements: of the memory that the system counts,
# where an allocator keeps more or less for later; of what the program has allocated; and of
# the quietest moments of processes that work all the time.
NOISE = {"memory": 32 * MIB, "allocated": 6 * MIB}
NOISE_OF_QUIET_MOMENTS = 24 * MIB
QUIET_WINDOW_SECONDS = 120.0
# So much must be done between two measurements that are compared.
LEAST_JOBS = 15.0
LEAST_MINUTES = 10.0
# How much more a process may hold under load at the end of its life than after its first
# quarter. The scheduler is judged at rest alone: three of them that ran the same jobs
# one after the other held 97 to 213 MiB under load.
LOADED_SHARE = 1.25
LOADED_BYTES = 24 * MIB
LOADED_MINUTES = 15
GROWTH_DESCRIPTORS = 8
# The kinds of processes that rest when no job runs, and those that work all the time.
RESTING_KINDS = ["scheduler", "executor"]
WORKING_KINDS = ["ingest-landing", "produce-events"]

Check = Callable[[bool, str], None]


def check_lives(kinds: dict[str, list[Life]], check: Check) -> None:
    """Prints what each process held under load, and checks what none should do."""
    print(f"{'process':16} {'minutes':>7} {'MiB early':>10} {'MiB late':>9} {'peak':>6} {'files':>11}")
    for kind, lives in kinds.items():
        for life in lives:
            if life.samples:
                check_life(kind, life, check)


def check_life(kind: str, life: Life, check: Check) -> None:
    samples = life.samples
    minutes = (samples[-1].age - samples[0].age) / 60
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    memory = [statistics.median(sample.memory for sample in part) for part in (early, late)]
    # A job that runs has connections; what stays when fewer run is what counts.
    files = [min(sample.descriptors for sample in part) for part in (early, late)]
    peak = max(sample.memory for sample in samples)
    print(
        f"{life.name:16} {minutes:7.1f} {memory[0] / MIB:10.1f} {memory[1] / MIB:9.1f} {peak / MIB:6.0f}"
        f" {files[0]:5.0f} {files[1]:5.0f}"
    )
    # A short life is all warming up.
    if minutes >= 3:
        check(files[1] <= files[0] + GROWTH_DESCRIPTORS, f"{life.name} holds {files[1]} files, {files[0]} before")
    if minutes >= LOADED_MINUTES and kind != "scheduler":
        limit = memory[0] * LOADED_SHARE + LOADED_BYTES
        check(memory[1] <= limit, f"{life.name} grew from {memory[0] / MIB:.0f} to {memory[1] / MIB:.0f} MiB")


def check_growth(kinds: dict[str, list[Life]], must_be_known: bool, check: Check) -> list[list[str]]:
    """Checks that no kind of processes grows slowly; gives a row for each figure."""
    rows = []
    for kind, lives in kinds.items():
        rests = kind in RESTING_KINDS
        points = [points_of(kind, life) for life in lives]
        unit = "job" if rests else "minute"
        least = LEAST_JOBS if rests else LEAST_MINUTES
        for measure, noise in NOISE.items():
            noise = noise if rests else NOISE_OF_QUIET_MOMENTS
            found = {
                "within its lives": growth_within_lives(points, measure, least),
                "from life to life": growth_between_lives(points, measure, least),
            }
            for where, growth in found.items():
                if growth is None:
                    continue
                text = describe_growth(growth, unit)
                rows.append([f"{kind}, {measure}, growth {where}", "", text])
                is_steady = not grows_too_much(growth, noise, LIMIT_PER_UNIT)
                check(is_steady, f"{kind} grows {where} ({measure}): {text}")
            if must_be_known and measure == "memory":
                check(found["within its lives"] is not None, f"whether {kind} grows is not known: too few rests")
    return rows


def describe_growth(growth: Growth, unit: str) -> str:
    return f"{growth.bytes_per_unit / KIB:+.0f} KiB per {unit} over {growth.units:.0f} ({growth.pairs} pairs)"


def rows_of_processes(kinds: dict[str, list[Life]]) -> list[list[str]]:
    """What the first process of each kind held when it had warmed up, and at the end."""
    rows = []
    for kind, lives in kinds.items():
        name = lives[0].name
        lives = [life for life in lives if life.name == name]
        points = [point for life in lives for point in points_of(kind, life) if point.age >= WARM_SECONDS]
        if not points:
            continue
        begin, end = points[0], points[-1]
        when = "at rest" if kind in RESTING_KINDS else "at its quietest"
        rows.append([f"{name}, memory {when}", mebibytes(begin.memory), mebibytes(end.memory)])
        if begin.allocated is not None and end.allocated is not None:
            rows.append([f"{name}, allocated {when}", mebibytes(begin.allocated), mebibytes(end.allocated)])
        rows.append([f"{name}, descriptors {when}", str(begin.descriptors), str(end.descriptors)])
        peak = max(sample.memory for life in lives for sample in life.samples)
        rows.append([f"{name}, highest memory", "", mebibytes(peak)])
    return rows


def points_of(kind: str, life: Life) -> list[Measurement]:
    """The measurements of a life that can be compared."""
    return life.rests if kind in RESTING_KINDS else quiet_moments(life.samples, QUIET_WINDOW_SECONDS)


def mebibytes(count: int) -> str:
    return f"{count / MIB:.0f} MiB"


def rows_of_failures(errors: list[dict]) -> list[list[str]]:
    """How often jobs failed for each reason."""
    reasons = Counter(reason_of(error) for error in errors)
    return [[f"jobs that failed: {reason}", "0", str(count)] for reason, count in reasons.most_common()]


def reason_of(error: dict) -> str:
    """The kind of an error and the begin of its message, without what differs."""
    message = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID", str(error.get("message", "")))
    message = re.sub(r"\d+", "N", message).replace("|", "/").splitlines() or [""]
    return f"{error.get('kind', 'unknown')}: {message[0][:100]}"


def print_table(rows: list[list[str]]) -> None:
    """One table of everything, as it stands in documents."""
    print("\n| | begin | end |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print()
