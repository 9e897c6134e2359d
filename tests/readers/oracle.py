"""The expected contents of the six tables, computed from landing by DuckDB.

    python oracle.py LANDING [--out FOLDER]

Written independently of the job file: another engine with its own JSON reader,
DISTINCT ON instead of a window, a lateral unnest, ranks by a join. Prints each
table's rows and sums; with --out it also writes each table as one Parquet file.
"""

import argparse
import json
import sys
from pathlib import Path

import duckdb

from tables import TABLES


# A value fits if it is missing, null or of the kind that the job declares.
# Strings take any value. Lines with a value that does not fit are left out.


def fits(json, *kinds):
    listed = ", ".join(f"'{kind}'" for kind in ("NULL", *kinds))
    return f"coalesce(json_type({json}) IN ({listed}), true)"


def number_fits(json):
    return fits(json, "UBIGINT", "BIGINT", "DOUBLE")


def time_of(json):
    return f"TRY_CAST({json} ->> '$' AS TIMESTAMPTZ)"


def time_fits(json):
    return f"({fits(json)} OR (json_type({json}) = 'VARCHAR' AND {time_of(json)} IS NOT NULL))"


def items_fit(json):
    quantity, price = "item -> '$.quantity'", "item -> '$.unit_price'"
    item = f"{fits('item', 'OBJECT')} AND {number_fits(quantity)} AND {number_fits(price)}"
    all_fit = f"len(list_filter(CAST({json} AS JSON[]), lambda item: NOT ({item}))) = 0"
    return f"({fits(json)} OR (json_type({json}) = 'ARRAY' AND {all_fit}))"


STATES = (
    "AK AL AR AZ CA CO CT DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS"
    " MT NC ND NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY"
)


def landing_files(landing, topic):
    """The files that a topic's ledger names; without a ledger, all in its folder."""
    folder = Path(landing) / topic
    entries = sorted((folder / "_ledger").glob("[0-9]*.json"))
    if entries:
        ranges = [part for entry in entries for part in json.loads(entry.read_text())["body"]["ranges"]]
        files = [str(folder / part["file"]["path"]) for part in ranges if part.get("file")]
    else:
        files = sorted(
            str(path)
            for path in folder.iterdir()
            if path.name.endswith((".json", ".json.gz", ".json.zst"))
            and not path.name.startswith((".", "_"))
        )
    if not files:
        raise FileNotFoundError(f"no landing files in {folder}")
    return files


def read(con, landing, topic, columns):
    """Lines of a topic; malformed lines become rows of nulls."""
    described = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    files = landing_files(landing, topic)
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW {topic}_lines AS SELECT * FROM read_json({files}, "
        f"format = 'newline_delimited', ignore_errors = true, columns = {{{described}}})"
    )


def build(con, landing):
    """Creates the six tables as `oracle.<name>`."""
    con.execute("SET TimeZone = 'UTC'")
    con.execute("CREATE SCHEMA IF NOT EXISTS oracle")
    events = ["event_id", "user_id", "session_id", "event_type", "page", "country", "city", "product_id"]
    read(con, landing, "user_events", {name: "VARCHAR" for name in events} | {"timestamp": "JSON"})
    texts = ["transaction_id", "user_id", "transaction_type", "status", "payment_method", "currency"]
    trees = ["timestamp", "products", "total", "billing_address", "shipping_address"]
    read(
        con,
        landing,
        "transaction_events",
        {name: "VARCHAR" for name in texts} | {name: "JSON" for name in trees},
    )
    all_null = " AND ".join(f"{name} IS NULL" for name in events)
    con.execute(f"""
        CREATE TABLE oracle.user_events AS
        SELECT event_id, user_id, session_id, event_type, {time_of('"timestamp"')} AS "timestamp",
               page, country, city, product_id
        FROM user_events_lines
        WHERE {time_fits('"timestamp"')}
          AND NOT ({all_null} AND "timestamp" IS NULL)
    """)
    con.execute(f"""
        CREATE TEMP TABLE kept AS
        SELECT DISTINCT ON (transaction_id) *
        FROM (
            SELECT * REPLACE ({time_of('"timestamp"')} AS "timestamp", CAST(total AS DOUBLE) AS total,
                              CAST(products AS JSON[]) AS products)
            FROM transaction_events_lines
            WHERE {time_fits('"timestamp"')} AND {number_fits('total')} AND {items_fit('products')}
              AND {fits('billing_address', 'OBJECT')} AND {fits('shipping_address', 'OBJECT')}
        )
        WHERE transaction_id IS NOT NULL AND user_id IS NOT NULL
          AND transaction_type IS NOT NULL AND status IS NOT NULL AND len(products) > 0
        ORDER BY transaction_id, "timestamp" DESC NULLS LAST, status ASC
    """)
    con.execute(f"""
        CREATE TABLE oracle.transactions AS
        SELECT transaction_id, user_id, transaction_type, status, payment_method, currency,
               billing_address ->> '$.city' AS bill_city,
               billing_address ->> '$.country' AS bill_country,
               billing_address ->> '$.state' AS bill_state,
               shipping_address ->> '$.city' AS ship_city,
               shipping_address ->> '$.country' AS ship_country,
               "timestamp",
               item ->> '$.product_id' AS product_id,
               item ->> '$.product_name' AS product_name,
               item ->> '$.category' AS category,
               CAST(item ->> '$.quantity' AS INTEGER) AS item_qty,
               CAST(item ->> '$.unit_price' AS DOUBLE) AS unit_price,
               item_qty * unit_price AS item_revenue,
               if(list_contains(string_split('{STATES}', ' '), bill_state), 'US', 'Non_US')
                   AS geo_customers
        FROM kept, unnest(products) AS items(item)
    """)
    con.execute("""
        CREATE TABLE oracle.daily_revenue AS
        SELECT CAST("timestamp" AS DATE) AS date,
               sum(CASE transaction_type WHEN 'purchase' THEN total ELSE 0 END) AS revenue,
               sum(CASE transaction_type WHEN 'refund' THEN total ELSE 0 END) AS refund,
               sum(CASE transaction_type WHEN 'chargeback' THEN total ELSE 0 END) AS chargeback,
               revenue + refund + chargeback AS net_revenue
        FROM kept WHERE status = 'completed' GROUP BY ALL
    """)
    con.execute("""
        CREATE TABLE oracle.customer_monthly_spent AS
        SELECT user_id,
               make_date(year("timestamp"), month("timestamp"), 1) AS month,
               sum(total) AS monthly_spent,
               count_if(transaction_type = 'refund')::BIGINT AS refund_counts,
               count_if(transaction_type = 'chargeback')::BIGINT AS chargeback_counts,
               refund_counts > 9 OR chargeback_counts > 4 AS risk_consumer
        FROM kept WHERE status != 'failed' GROUP BY ALL
    """)
    con.execute("""
        CREATE TABLE oracle.cart_to_purchase AS
        WITH carts AS (
            SELECT user_id, product_id, "timestamp" AS add_to_cart_ts
            FROM oracle.user_events WHERE event_type = 'add_to_cart'
        ), bought AS (
            SELECT transaction_id, user_id, "timestamp" AS purchase_ts,
                   item ->> '$.product_id' AS product_id,
                   CAST(item ->> '$.quantity' AS INTEGER) AS purchase_qty,
                   purchase_qty * CAST(item ->> '$.unit_price' AS DOUBLE) AS item_revenue
            FROM kept, unnest(products) AS items(item)
            WHERE transaction_type = 'purchase'
        )
        SELECT transaction_id, user_id, product_id, add_to_cart_ts, purchase_ts, purchase_qty,
               item_revenue
        FROM carts JOIN bought USING (user_id, product_id)
        WHERE add_to_cart_ts <= purchase_ts
    """)
    con.execute("""
        CREATE TABLE oracle.customer_ranked AS
        WITH ranks AS (
            SELECT total, row_number() OVER (ORDER BY total DESC NULLS LAST) AS dense_rank
            FROM (SELECT DISTINCT total FROM kept)
        )
        SELECT user_id, transaction_id, kept.total AS total_spent, dense_rank
        FROM kept JOIN ranks ON kept.total IS NOT DISTINCT FROM ranks.total
    """)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("landing")
    parser.add_argument("--out", help="write each table as FOLDER/<table>.parquet")
    args = parser.parse_args()
    con = duckdb.connect()
    try:
        build(con, args.landing)
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for table, columns in TABLES.items():
        doubles = [name for name, kind in columns.items() if kind == "DOUBLE"]
        sums = "".join(f", round(sum({name}), 2) AS {name}" for name in doubles)
        row = con.execute(f"SELECT count(*) AS rows{sums} FROM oracle.{table}")
        names = [column[0] for column in row.description]
        print(table, *(f"{n}={v}" for n, v in zip(names, row.fetchall()[0], strict=True)))
        if args.out:
            Path(args.out).mkdir(parents=True, exist_ok=True)
            target = str(Path(args.out) / f"{table}.parquet").replace("'", "''")
            con.execute(f"COPY oracle.{table} TO '{target}' (FORMAT parquet)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
