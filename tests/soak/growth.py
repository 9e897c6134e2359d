"""What processes held over time, and whether that grows.

What a process holds while it works says little about a slow leak: how many jobs meet, and
how much an allocator keeps, matters more. So it is measured while nothing runs, and two
measurements are compared only when they differ in nothing but what was done in between:
those of one process after it has warmed up, and those of two processes of the same age.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

MIB = 1024 * 1024
# A process of this age has loaded what it uses.
WARM_SECONDS = 180.0
# Two processes whose ages differ by no more are of the same age.
SAME_AGE_SECONDS = 100.0


@dataclass(frozen=True)
class Measurement:
    """What a process held at one moment, or in the middle of a few."""

    age: float
    """Seconds since the process started."""
    work: float
    """What had been done since the soak began, such as the number of jobs that ended."""
    memory: int
    """Anonymous memory, in bytes."""
    descriptors: int
    allocated: int | None = None
    """What the program had allocated and not freed, in bytes, where it reports that."""


@dataclass
class Life:
    """A process from its start to its end."""

    name: str
    samples: list[Measurement] = field(default_factory=list)
    """Taken all the time."""
    rests: list[Measurement] = field(default_factory=list)
    """Taken while no job ran."""


@dataclass(frozen=True)
class Growth:
    """How much more a kind of processes holds for each unit of work."""

    bytes_per_unit: float
    units: float
    """The work between the first and the last measurement that were compared."""
    pairs: int


def middle_of(samples: list[Measurement]) -> Measurement:
    """One measurement of several that were taken after each other."""
    allocated = [sample.allocated for sample in samples if sample.allocated is not None]
    return Measurement(
        age=statistics.median(sample.age for sample in samples),
        work=samples[-1].work,
        memory=int(statistics.median(sample.memory for sample in samples)),
        descriptors=min(sample.descriptors for sample in samples),
        # Threads count in portions, so single values may be too high.
        allocated=int(statistics.median(allocated)) if allocated else None,
    )


def quiet_moments(samples: list[Measurement], seconds: float) -> list[Measurement]:
    """For a process that never rests: in each window, the tenth with the least memory."""
    windows: dict[int, list[Measurement]] = {}
    for sample in samples:
        windows.setdefault(int(sample.age // seconds), []).append(sample)
    quiet = []
    for window in windows.values():
        window.sort(key=lambda sample: sample.memory)
        quiet.append(middle_of(sorted(window[: max(1, len(window) // 10)], key=lambda sample: sample.age)))
    return quiet


def growth_within_lives(lives: list[list[Measurement]], measure: str, least_units: float) -> Growth | None:
    """How much a process grows while it lives, after it has warmed up."""
    return _measure_growth(lives, measure, least_units, lambda same_life, _: same_life)


def growth_between_lives(lives: list[list[Measurement]], measure: str, least_units: float) -> Growth | None:
    """How much more a process holds than an earlier one did at the same age: what it reads
    when it starts again has grown."""
    return _measure_growth(
        lives, measure, least_units, lambda same_life, ages: not same_life and ages <= SAME_AGE_SECONDS
    )


def _measure_growth(
    lives: list[list[Measurement]],
    measure: str,
    least_units: float,
    is_comparable: Callable[[bool, float], bool],
) -> Growth | None:
    """The growth in `measure` over the lives of processes of one kind, which are in order.

    It is the weighted median of the slopes of all pairs that can be compared, so that a few
    measurements that other things disturbed do not count. None when no pair has at least
    `least_units` of work between its two measurements.
    """
    points = [(life, point) for life, rests in enumerate(lives) for point in rests if point.age >= WARM_SECONDS]
    slopes: list[tuple[float, float]] = []
    compared: list[float] = []
    for index, (life, point) in enumerate(points):
        for other_life, other in points[index + 1 :]:
            values = getattr(point, measure), getattr(other, measure)
            comparable = is_comparable(life == other_life, abs(point.age - other.age))
            units = other.work - point.work
            if comparable and units >= least_units and None not in values:
                slopes.append(((values[1] - values[0]) / units, units))
                compared += [point.work, other.work]
    if not slopes:
        return None
    return Growth(weighted_median(slopes), max(compared) - min(compared), len(slopes))


def weighted_median(values: list[tuple[float, float]]) -> float:
    """The value below and above which there is half of the weight."""
    values = sorted(values)
    half = sum(weight for _, weight in values) / 2
    for value, weight in values:
        half -= weight
        if half <= 0:
            return value
    return values[-1][0]


def grows_too_much(growth: Growth, noise: float, limit_per_unit: float) -> bool:
    """Whether that is more than the limit, and than what differs without any growth."""
    return growth.bytes_per_unit * growth.units > limit_per_unit * growth.units + noise
