"""Makes the six tables of jobs/landing_to_gold.sql with DuckDB, as fast as it can.

    python benches/duckdb_landing_to_gold.py LANDING OUT [--threads 2]

Transactions are read, filtered and deduplicated once and kept in memory. Carts
are joined from the Parquet files that were just written, as Sluice does. Writes
OUT/<table>.parquet (zstd) and prints one JSON object.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import duckdb

ITEM = "STRUCT(product_id VARCHAR, product_name VARCHAR, category VARCHAR, quantity INTEGER, unit_price DOUBLE)[]"
ADDRESS = "STRUCT(city VARCHAR, state VARCHAR, country VARCHAR)"
STATES = (
    "'AL','AK','AZ','AR','CA','CO','CT','DE','FL','GA','HI','ID','IL','IN','IA','KS','KY','LA','ME','MD',"
    "'MA','MI','MN','MS','MO','MT','NE','NV','NH','NJ','NM','NY','NC','ND','OH','OK','OR','PA','RI','SC',"
    "'SD','TN','TX','UT','VT','VA','WA','WV','WI','WY'"
)

VALID = f"""
SELECT *
FROM read_json($landing || '/transaction_events/*.json', format = 'newline_delimited', columns = {{
    transaction_id: 'VARCHAR', user_id: 'VARCHAR', transaction_type: 'VARCHAR', timestamp: 'TIMESTAMPTZ',
    status: 'VARCHAR', payment_method: 'VARCHAR', currency: 'VARCHAR', products: '{ITEM}', total: 'DOUBLE',
    billing_address: '{ADDRESS}', shipping_address: '{ADDRESS}' }})
WHERE transaction_id IS NOT NULL AND user_id IS NOT NULL AND transaction_type IS NOT NULL
  AND status IS NOT NULL AND len(products) > 0
QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY timestamp DESC NULLS LAST, status) = 1
"""

TABLES = {
    "transactions": f"""
        SELECT transaction_id, user_id, transaction_type, status, payment_method, currency, bill_city,
               bill_country, bill_state, ship_city, ship_country, timestamp, item.product_id AS product_id,
               item.product_name AS product_name, item.category AS category, item.quantity AS item_qty,
               item.unit_price AS unit_price, item.quantity * item.unit_price AS item_revenue,
               CASE WHEN bill_state IN ({STATES}) THEN 'US' ELSE 'Non_US' END AS geo_customers
        FROM (SELECT *, billing_address.city AS bill_city, billing_address.country AS bill_country,
                     billing_address.state AS bill_state, shipping_address.city AS ship_city,
                     shipping_address.country AS ship_country, unnest(products) AS item FROM valid)
    """,
    "user_events": """
        SELECT * FROM read_json($landing || '/user_events/*.json', format = 'newline_delimited', columns = {
            event_id: 'VARCHAR', user_id: 'VARCHAR', session_id: 'VARCHAR', event_type: 'VARCHAR',
            timestamp: 'TIMESTAMPTZ', page: 'VARCHAR', country: 'VARCHAR', city: 'VARCHAR',
            product_id: 'VARCHAR' })
    """,
    "daily_revenue": """
        SELECT *, revenue + refund + chargeback AS net_revenue FROM (
            SELECT CAST(timestamp AS DATE) AS date,
                   coalesce(sum(total) FILTER (transaction_type = 'purchase'), 0.0) AS revenue,
                   coalesce(sum(total) FILTER (transaction_type = 'refund'), 0.0) AS refund,
                   coalesce(sum(total) FILTER (transaction_type = 'chargeback'), 0.0) AS chargeback
            FROM valid WHERE status = 'completed' GROUP BY 1)
    """,
    "customer_monthly_spent": """
        SELECT *, refund_counts >= 10 OR chargeback_counts >= 5 AS risk_consumer FROM (
            SELECT user_id, CAST(date_trunc('month', timestamp) AS DATE) AS month, sum(total) AS monthly_spent,
                   count(*) FILTER (transaction_type = 'refund') AS refund_counts,
                   count(*) FILTER (transaction_type = 'chargeback') AS chargeback_counts
            FROM valid WHERE status <> 'failed' GROUP BY 1, 2)
    """,
    "cart_to_purchase": """
        SELECT b.transaction_id, b.user_id, b.product_id, c.timestamp AS add_to_cart_ts,
               b.timestamp AS purchase_ts, b.item_qty AS purchase_qty, b.item_revenue
        FROM read_parquet($out || '/user_events.parquet') AS c
        JOIN read_parquet($out || '/transactions.parquet') AS b
          ON b.user_id = c.user_id AND b.product_id = c.product_id AND b.timestamp >= c.timestamp
        WHERE c.event_type = 'add_to_cart' AND b.transaction_type = 'purchase'
    """,
    "customer_ranked": """
        SELECT user_id, transaction_id, total AS total_spent,
               dense_rank() OVER (ORDER BY total DESC NULLS LAST) AS dense_rank
        FROM valid
    """,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("landing")
    parser.add_argument("out")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    Path(args.out).mkdir(parents=True, exist_ok=True)

    def text(query):
        for name in ("landing", "out"):
            query = query.replace(f"${name}", "'" + getattr(args, name).replace("'", "''") + "'")
        return query

    tables = []

    def timed(name, statement, file=None):
        began = time.monotonic()
        rows = con.execute(statement).fetchall()[0][0]
        size = file.stat().st_size if file else 0
        tables.append({"name": name, "rows": rows, "bytes": size, "seconds": time.monotonic() - began})

    started = time.monotonic()
    con = duckdb.connect()
    con.execute(f"SET threads = {args.threads}; SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    timed("valid (in memory)", f"CREATE TEMP TABLE valid AS {text(VALID)}")
    for name, query in TABLES.items():
        file = Path(args.out) / f"{name}.parquet"
        target = str(file).replace("'", "''")
        timed(name, f"COPY ({text(query)}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)", file)
    seconds = time.monotonic() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "version": duckdb.__version__,
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_memory": usage.ru_maxrss * 1024,  # Linux reports kilobytes.
        "tables": tables,
    }))


if __name__ == "__main__":
    main()
