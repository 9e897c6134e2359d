"""Tests of how growth is measured: `python3 -m unittest discover tests/soak`."""

from __future__ import annotations

import random
import unittest

from growth import (
    MIB,
    Measurement,
    growth_between_lives,
    growth_within_lives,
    grows_too_much,
    middle_of,
    quiet_moments,
    weighted_median,
)

NOISE = 24 * MIB
LIMIT = 128 * 1024


def rests(leak: float, kept: float, noise: float, seed: int) -> list[list[Measurement]]:
    """Rests of five processes that are killed every six minutes and one that lives for
    thirty, with four jobs each minute. A process leaks for each of its jobs, and begins
    with what was kept of all jobs before it."""
    generator = random.Random(seed)

    def rest(start: float, age: float) -> Measurement:
        before, own = start / 60 * 4, age / 60 * 4
        # While it warms up, a process takes what it will use.
        base = 60 * MIB + 60 * MIB * min(1.0, age / 150)
        memory = base + leak * own + kept * before + generator.uniform(-noise, noise)
        return Measurement(age, before + own, int(memory), 30)

    short = [[rest(start * 360.0, 210 + generator.uniform(0, 60))] for start in range(5)]
    return [*short, [rest(1800, age) for age in (30, 240, 720, 1200, 1700)]]


def is_wrong(lives: list[list[Measurement]], noise: float = NOISE) -> bool:
    within, between = growth_within_lives(lives, "memory", 20), growth_between_lives(lives, "memory", 20)
    assert within is not None and between is not None
    return grows_too_much(within, noise, LIMIT) or grows_too_much(between, noise, LIMIT)


class GrowthTest(unittest.TestCase):
    def test_what_differs_is_no_growth(self) -> None:
        wrong = [seed for seed in range(200) if is_wrong(rests(0, 0, 12 * MIB, seed))]
        self.assertEqual(wrong, [])

    def test_a_leak_is_noticed_whatever_differs(self) -> None:
        missed = [seed for seed in range(200) if not is_wrong(rests(768 * 1024, 0, 12 * MIB, seed))]
        self.assertEqual(missed, [])

    def test_what_every_process_begins_with_is_noticed(self) -> None:
        missed = [seed for seed in range(200) if not is_wrong(rests(0, 768 * 1024, 12 * MIB, seed))]
        self.assertEqual(missed, [])

    def test_a_little_more_than_the_limit_is_noticed_when_little_differs(self) -> None:
        much = LIMIT + 64 * 1024
        self.assertTrue(is_wrong(rests(much, 0, 0, 1), 4 * MIB))
        self.assertTrue(is_wrong(rests(0, much, 0, 1), 4 * MIB))
        self.assertFalse(is_wrong(rests(LIMIT, LIMIT, 0, 1), 4 * MIB))

    def test_only_processes_of_one_age_are_compared(self) -> None:
        young, old = Measurement(200, 10, 100, 1), Measurement(900, 100, 900, 1)
        self.assertIsNone(growth_between_lives([[young], [old]], "memory", 1))
        self.assertIsNone(growth_between_lives([[young, old]], "memory", 1))
        self.assertIsNone(growth_within_lives([[young], [old]], "memory", 1))
        growth = growth_within_lives([[young, old]], "memory", 1)
        assert growth is not None
        self.assertAlmostEqual(growth.bytes_per_unit, 800 / 90)
        self.assertIsNone(growth_within_lives([[young, old]], "allocated", 1), "it is not reported")
        self.assertIsNone(growth_within_lives([[young, old]], "memory", 91), "too little was done")
        later = Measurement(260, 60, 600, 1)
        growth = growth_between_lives([[young, old], [later]], "memory", 1)
        assert growth is not None
        self.assertAlmostEqual(growth.bytes_per_unit, 10)

    def test_one_wrong_measurement_does_not_count(self) -> None:
        points = [Measurement(200 + 60 * number, number * 10, 100, 1) for number in range(9)]
        points[4] = Measurement(440, 40, 10_000, 1)
        growth = growth_within_lives([points], "memory", 1)
        assert growth is not None
        self.assertEqual(growth.bytes_per_unit, 0)
        self.assertEqual(growth.units, 80)

    def test_the_quietest_of_each_window_count(self) -> None:
        samples = [Measurement(second, second, 1000 + second % 7, 3) for second in range(240)]
        quiet = quiet_moments(samples, 120)
        self.assertEqual([point.memory for point in quiet], [1000, 1000])
        self.assertTrue(quiet[0].age < 120 <= quiet[1].age)
        self.assertEqual(middle_of(samples[:3]).memory, 1001)

    def test_half_of_the_weight_is_below(self) -> None:
        self.assertEqual(weighted_median([(1, 1), (5, 10), (9, 1)]), 5)
        self.assertEqual(weighted_median([(3, 1)]), 3)


if __name__ == "__main__":
    unittest.main()
