"""Tests of the readers, on small hand-written landing data whose gold is known.

    python -m unittest discover tests/readers
"""

import contextlib
import gzip
import io
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import duckdb
from deltalake import write_deltalake

sys.path.insert(0, str(Path(__file__).parent))

import compare  # noqa: E402
import oracle  # noqa: E402
import read_gold  # noqa: E402
from tables import TABLES  # noqa: E402


def transaction(id, user="u1", kind="purchase", status="completed", at="2026-01-31T23:59:59.5Z",
                items=(("p1", 2, 10.25),), total=20.5, state="CA", **more):
    address = {"street": "1 A St", "city": "B", "state": state, "zip_code": "00501", "country": "US"}
    products = [
        {"product_id": p, "product_name": "N", "category": "toys", "quantity": q, "unit_price": u}
        for p, q, u in items
    ]
    return {
        "transaction_id": id, "user_id": user, "transaction_type": kind, "timestamp": at,
        "status": status, "payment_method": "paypal", "currency": "USD", "products": products,
        "subtotal": total, "tax": 0.0, "total": total,
        "billing_address": address, "shipping_address": address,
    } | more


def event(id, kind="add_to_cart", at="2026-01-31T12:00:00Z", user="u1", product="p1"):
    line = {
        "event_id": id, "user_id": user, "session_id": "s", "event_type": kind, "timestamp": at,
        "page": "cart", "country": "US", "city": "B",
    }
    return line | ({"product_id": product, "quantity": 1} if product else {})


TRANSACTIONS = [
    transaction("t1", items=(("p1", 2, 10.25), ("p2", 1, 4.0)), total=24.5),
    transaction("t1", items=(("p1", 2, 10.25), ("p2", 1, 4.0)), total=24.5),
    transaction("t2", status="pending", at="2026-02-01T00:00:00Z", state="DC"),
    transaction("t2", status="completed", at="2026-02-01T00:10:00Z", state="DC"),
    transaction("t3", kind="refund", total=-20.5, at="2026-02-01T08:00:00Z"),
    transaction("t4", kind="chargeback", total=-1.0, status="failed", at="2026-02-02T08:00:00Z"),
    transaction("t5", status=None),
    transaction("t6", products=[]),
    transaction("t7", total="a lot"),
    transaction("t8", timestamp="yesterday"),
    transaction("t9", products="none"),
    transaction(None),
    "not json",
    '{"transaction_id": "t10", "user_',
    "[1, 2]",
    "42",
]
EVENTS = [
    event("e1"),
    event("e1"),
    event("e2", at="2026-02-01T00:10:00Z"),
    event("e3", at="2026-02-03T00:00:00Z"),
    event("e4", kind="login", product=None),
    event("e5", at="yesterday"),
    event("e6", kind="remove_from_cart"),
    event("e7", user="u2"),
    "oops",
]


def lines(items):
    return "".join((i if isinstance(i, str) else json.dumps(i)) + "\n" for i in items)


class Readers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.landing, self.gold = Path(folder.name) / "landing", Path(folder.name) / "gold"
        for topic in ("transaction_events", "user_events"):
            (self.landing / topic).mkdir(parents=True)
        (self.landing / "transaction_events/a.json").write_text(lines(TRANSACTIONS[:2]))
        with gzip.open(self.landing / "transaction_events/b.json.gz", "wt") as out:
            out.write(lines(TRANSACTIONS[2:]))
        (self.landing / "user_events/a.json").write_text(lines(EVENTS))
        self.con = duckdb.connect()
        oracle.build(self.con, self.landing)

    def rows(self, table, columns):
        return self.con.execute(f"SELECT {columns} FROM oracle.{table} ORDER BY ALL").fetchall()

    def write_gold(self, table, query=None):
        shutil.rmtree(self.gold / table, ignore_errors=True)
        rows = self.con.sql(query or f"FROM oracle.{table}")
        write_deltalake(str(self.gold / table), rows)

    def write_all(self):
        for table in TABLES:
            self.write_gold(table)

    def compare(self, *more):
        out, err = io.StringIO(), io.StringIO()
        argv = ["compare.py", str(self.landing), str(self.gold), *more]
        with mock.patch.object(sys, "argv", argv), contextlib.redirect_stdout(out), \
                contextlib.redirect_stderr(err):
            code = compare.main()
        return code, err.getvalue()

    def test_the_oracle_computes_the_known_tables(self):
        items = "transaction_id, status, product_id, item_qty, item_revenue, geo_customers"
        self.assertEqual(self.rows("transactions", items), [
            ("t1", "completed", "p1", 2, 20.5, "US"),
            ("t1", "completed", "p2", 1, 4.0, "US"),
            ("t2", "completed", "p1", 2, 20.5, "Non_US"),
            ("t3", "completed", "p1", 2, 20.5, "US"),
            ("t4", "failed", "p1", 2, 20.5, "US"),
        ])
        self.assertEqual(
            [row[0] for row in self.rows("user_events", "event_id")],
            ["e1", "e1", "e2", "e3", "e4", "e6", "e7"],
        )
        self.assertEqual(
            self.rows("daily_revenue", "date::VARCHAR, revenue, refund, chargeback, net_revenue"),
            [("2026-01-31", 24.5, 0, 0, 24.5), ("2026-02-01", 20.5, -20.5, 0, 0)],
        )
        self.assertEqual(
            self.rows("customer_monthly_spent", "* REPLACE (month::VARCHAR AS month)"),
            [("u1", "2026-01-01", 24.5, 0, 0, False), ("u1", "2026-02-01", 0.0, 1, 0, False)],
        )
        self.assertEqual(
            self.rows("cart_to_purchase", "transaction_id, product_id, purchase_qty, item_revenue"),
            # e1 twice before t1 and t2, e2 at t2's very instant, e3 too late.
            [("t1", "p1", 2, 20.5)] * 2 + [("t2", "p1", 2, 20.5)] * 3,
        )
        self.assertEqual(
            self.rows("customer_ranked", "transaction_id, dense_rank"),
            [("t1", 1), ("t2", 2), ("t3", 4), ("t4", 3)],
        )

    def test_equal_gold_is_equal(self):
        self.write_all()
        self.assertEqual(self.compare(), (0, ""))

    def test_rounding_is_equal_and_a_cent_is_not(self):
        self.write_all()
        self.write_gold("daily_revenue", "SELECT * REPLACE (revenue * (1 + 1e-9) AS revenue) FROM oracle.daily_revenue")
        self.assertEqual(self.compare()[0], 0)
        self.write_gold("daily_revenue", "SELECT * REPLACE (revenue + 0.01 AS revenue) FROM oracle.daily_revenue")
        code, err = self.compare()
        self.assertEqual(code, 1)
        self.assertIn("daily_revenue: 2 rows differ", err)

    def test_a_row_too_many_or_too_few_is_found(self):
        self.write_all()
        self.write_gold("user_events", "SELECT DISTINCT * FROM oracle.user_events")
        self.write_gold("customer_ranked", "FROM oracle.customer_ranked UNION ALL (FROM oracle.customer_ranked LIMIT 1)")
        code, err = self.compare()
        self.assertEqual(code, 1)
        self.assertIn("user_events: 1 rows differ", err)
        self.assertIn("customer_ranked: 1 rows differ", err)

    def test_columns_types_and_tables_are_checked(self):
        self.write_all()
        self.write_gold("daily_revenue", "SELECT net_revenue, * EXCLUDE (net_revenue) FROM oracle.daily_revenue")
        self.write_gold("user_events", "SELECT * REPLACE (timestamp::VARCHAR AS timestamp) FROM oracle.user_events")
        (self.gold / "transactions").rename(self.gold.parent / "elsewhere")
        code, err = self.compare()
        self.assertEqual(code, 1)
        self.assertIn("daily_revenue: columns are ['net_revenue', 'date'", err)
        self.assertIn("user_events: timestamp is VARCHAR", err)
        self.assertIn("transactions: the table is missing", err)

    def test_a_stray_file_is_found(self):
        self.write_all()
        file = next((self.gold / "transactions").glob("*.parquet"))
        (file.parent / "stray.parquet").write_bytes(file.read_bytes())
        self.assertEqual(read_gold.stray_files(self.gold, "transactions"), ["stray.parquet"])
        code, err = self.compare()
        self.assertEqual(code, 1)
        self.assertIn("transactions: files that no version names: stray.parquet", err)

    def test_missing_landing_is_named(self):
        (self.landing / "user_events/a.json").unlink()
        code, err = self.compare()
        self.assertEqual(code, 2)
        self.assertIn("no landing files in", err)


if __name__ == "__main__":
    unittest.main()
