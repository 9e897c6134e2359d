"""Tests of the comparison of answers.

    python -m unittest discover tests/duckdb
"""

import datetime
import decimal
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from rows import difference  # noqa: E402

DEC = decimal.Decimal


class Rows(unittest.TestCase):
    def equal(self, ours, theirs):
        self.assertEqual(difference(ours, theirs), [])

    def differ(self, ours, theirs):
        self.assertNotEqual(difference(ours, theirs), [])

    def test_order_does_not_matter_and_counts_do(self):
        self.equal([(1, "a"), (2, "b")], [(2, "b"), (1, "a")])
        self.differ([(1,), (1,)], [(1,)])
        self.differ([(1,), (1,), (2,)], [(1,), (2,), (2,)])
        self.differ([], [(None,)])
        self.equal([], [])

    def test_numbers_are_equal_by_value(self):
        self.equal([(1, DEC("2.50"))], [(DEC("1.0"), DEC("2.5"))])
        self.equal([(DEC("1E+2"),)], [(100,)])
        self.differ([(10**30 + 1,)], [(10**30,)])
        self.differ([(0,)], [(None,)])
        self.differ([(1,)], [("1",)])
        self.differ([(1,)], [(True,)])

    def test_floats_are_compared_with_tolerance(self):
        self.equal([(0.1 + 0.2,)], [(0.3,)])
        self.equal([(-0.0,)], [(0.0,)])
        self.equal([(float("nan"),)], [(float("nan"),)])
        self.differ([(1.0001,)], [(1.0,)])
        self.differ([(float("inf"),)], [(1e308,)])
        self.differ([(None,)], [(0.0,)])
        # A decimal that was rounded, next to a float.
        self.equal([(DEC("0.333333"),)], [(1 / 3,)])
        self.differ([(DEC("0.333335"),)], [(1 / 3,)])

    def test_rows_with_floats_are_paired(self):
        ours = [("a", 1.0, 2.0), ("a", 1.0 + 1e-13, 1.0), ("b", None, 0.0)]
        self.equal(ours, [("a", 1.0, 1.0), ("b", None, 0.0), ("a", 1.0, 2.0)])
        self.differ(ours, [("a", 1.0, 1.0), ("b", None, 0.0), ("b", 1.0, 2.0)])

    def test_nested_values_and_times(self):
        utc = datetime.timezone.utc
        self.equal([([1, None], {"A": DEC("1.0")})], [([1, None], {"a": 1})])
        self.differ([([],)], [(None,)])
        self.equal([(datetime.datetime(2024, 1, 1, tzinfo=utc),)], [(datetime.datetime(2024, 1, 1),)])
        self.differ([(datetime.date(2024, 1, 1),)], [(datetime.datetime(2024, 1, 1),)])


if __name__ == "__main__":
    unittest.main()
