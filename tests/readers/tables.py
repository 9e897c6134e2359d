"""The six tables of jobs/landing_to_gold.sql: columns in order, with DuckDB's types."""

TABLES = {
    "transactions": {
        "transaction_id": "VARCHAR",
        "user_id": "VARCHAR",
        "transaction_type": "VARCHAR",
        "status": "VARCHAR",
        "payment_method": "VARCHAR",
        "currency": "VARCHAR",
        "bill_city": "VARCHAR",
        "bill_country": "VARCHAR",
        "bill_state": "VARCHAR",
        "ship_city": "VARCHAR",
        "ship_country": "VARCHAR",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "product_id": "VARCHAR",
        "product_name": "VARCHAR",
        "category": "VARCHAR",
        "item_qty": "INTEGER",
        "unit_price": "DOUBLE",
        "item_revenue": "DOUBLE",
        "geo_customers": "VARCHAR",
    },
    "user_events": {
        "event_id": "VARCHAR",
        "user_id": "VARCHAR",
        "session_id": "VARCHAR",
        "event_type": "VARCHAR",
        "timestamp": "TIMESTAMP WITH TIME ZONE",
        "page": "VARCHAR",
        "country": "VARCHAR",
        "city": "VARCHAR",
        "product_id": "VARCHAR",
    },
    "daily_revenue": {
        "date": "DATE",
        "revenue": "DOUBLE",
        "refund": "DOUBLE",
        "chargeback": "DOUBLE",
        "net_revenue": "DOUBLE",
    },
    "customer_monthly_spent": {
        "user_id": "VARCHAR",
        "month": "DATE",
        "monthly_spent": "DOUBLE",
        "refund_counts": "BIGINT",
        "chargeback_counts": "BIGINT",
        "risk_consumer": "BOOLEAN",
    },
    "cart_to_purchase": {
        "transaction_id": "VARCHAR",
        "user_id": "VARCHAR",
        "product_id": "VARCHAR",
        "add_to_cart_ts": "TIMESTAMP WITH TIME ZONE",
        "purchase_ts": "TIMESTAMP WITH TIME ZONE",
        "purchase_qty": "INTEGER",
        "item_revenue": "DOUBLE",
    },
    "customer_ranked": {
        "user_id": "VARCHAR",
        "transaction_id": "VARCHAR",
        "total_spent": "DOUBLE",
        "dense_rank": "BIGINT",
    },
}


def is_integer(duck_type):
    """Whether the type is an integer: readers may widen or narrow counts and ranks."""
    return duck_type in {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"} | {
        "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT",
    }


def same_type(found, expected):
    return found == expected or (is_integer(found) and is_integer(expected))
