-- From landing to gold, as landing_to_gold.sql, with streaming tables: events are read
-- once, when they have landed. The six tables have the same rows; a seventh has the
-- messages that have arrived. Run it as often as you like:
--
--   submit-job jobs/landing_to_gold_streaming.sql --master 'local[*]' \
--              --landing data/landing --gold data/gold
--
-- and from the beginning, after a change of a query, with --full-refresh-all.
--
-- The statements may be in any order: the dependencies decide when each runs,
-- and independent tables are computed in parallel. Gold does not change before
-- every table of the job is written.


-- Parameters ---------------------------------------------------------------
-- Those without DEFAULT are required; each is a flag with the variable's name.

DECLARE VARIABLE landing STRING;                -- folder with one folder per topic
DECLARE VARIABLE gold    STRING;                -- folder with one folder per table

DECLARE VARIABLE risky_refunds     INT DEFAULT 10;  -- in one month, see customer_monthly_spent
DECLARE VARIABLE risky_chargebacks INT DEFAULT 5;


-- Sources ------------------------------------------------------------------
-- One line is one event. Only fields that a table reads are declared (and only
-- they cost anything); a field that an event does not have is NULL.
--
-- Lines that are not JSON, or have a value of another type in one of these
-- fields, are left out and counted (the run's summary says how many). With
-- mode 'permissive' their fields would be NULL instead, with 'failfast' the
-- first of them would fail the job.

CREATE EXTERNAL TABLE landed_user_events (
  event_id   STRING,
  user_id    STRING,
  session_id STRING,
  event_type STRING,
  timestamp  TIMESTAMP,
  page       STRING,
  country    STRING,
  city       STRING,
  product_id STRING                             -- add_to_cart and remove_from_cart only
)
STORED AS JSON
LOCATION '${landing}/user_events'
OPTIONS ('mode' 'dropmalformed');

CREATE EXTERNAL TABLE landed_transactions (
  transaction_id   STRING,
  user_id          STRING,
  transaction_type STRING,                      -- purchase, refund, chargeback
  timestamp        TIMESTAMP,
  status           STRING,                      -- completed, pending, failed, cancelled
  payment_method   STRING,
  currency         STRING,
  products         ARRAY<STRUCT<
                     product_id:   STRING,
                     product_name: STRING,
                     category:     STRING,
                     quantity:     INT,
                     unit_price:   DOUBLE>>,
  total            DOUBLE,                      -- with tax; negative for refunds and chargebacks
  billing_address  STRUCT<city: STRING, state: STRING, country: STRING>,
  shipping_address STRUCT<city: STRING, country: STRING>
)
STORED AS JSON
LOCATION '${landing}/transaction_events'
OPTIONS ('mode' 'dropmalformed');


-- What has arrived ----------------------------------------------------------
-- Each run adds the events that have landed since the last one.

-- Every event as it landed: an event that was sent twice has two rows. To keep
-- the first of each, add QUALIFY row_number() OVER (PARTITION BY event_id
-- ORDER BY timestamp) = 1.
CREATE OR REFRESH STREAMING TABLE user_events
COMMENT 'What people did in the shop'
AS
SELECT event_id, user_id, session_id, event_type, timestamp, page, country, city, product_id
FROM STREAM landed_user_events;

-- All messages about transactions that are complete: several about one transaction
-- have several rows.
CREATE OR REFRESH STREAMING TABLE transaction_messages
COMMENT 'Complete messages about transactions, as they arrived'
AS
SELECT *
FROM STREAM landed_transactions
WHERE transaction_id   IS NOT NULL
  AND user_id          IS NOT NULL
  AND transaction_type IS NOT NULL
  AND status           IS NOT NULL
  AND cardinality(products) > 0;                -- neither missing nor empty


-- What counts as a transaction ----------------------------------------------
-- Of several messages about one transaction the latest is kept, whenever it arrived;
-- status breaks ties, so that every run keeps the same one. A streaming table could
-- keep the first only, so this is a view over all messages.
--
-- Several tables read this view. It is still computed once per run.

CREATE TEMPORARY VIEW valid_transactions AS
SELECT *
FROM transaction_messages
QUALIFY row_number() OVER (PARTITION BY transaction_id
                           ORDER BY timestamp DESC NULLS LAST, status) = 1;


-- Gold ---------------------------------------------------------------------

-- One row per line item. `unnest` returns a row for each element of the array; the
-- query around it reads the element's fields.
CREATE OR REFRESH MATERIALIZED VIEW transactions
COMMENT 'Line items of all transactions, whatever their type and status'
AS
SELECT
  transaction_id,
  user_id,
  transaction_type,
  status,
  payment_method,
  currency,
  bill_city,
  bill_country,
  bill_state,
  ship_city,
  ship_country,
  timestamp,
  item.product_id                  AS product_id,
  item.product_name                AS product_name,
  item.category                    AS category,
  item.quantity                    AS item_qty,
  item.unit_price                  AS unit_price,
  item.quantity * item.unit_price  AS item_revenue,
  -- The 50 states; the capital's district and the territories are none.
  CASE WHEN bill_state IN (
         'AL', 'AK', 'AZ', 'AR', 'CA', 'CO', 'CT', 'DE', 'FL', 'GA',
         'HI', 'ID', 'IL', 'IN', 'IA', 'KS', 'KY', 'LA', 'ME', 'MD',
         'MA', 'MI', 'MN', 'MS', 'MO', 'MT', 'NE', 'NV', 'NH', 'NJ',
         'NM', 'NY', 'NC', 'ND', 'OH', 'OK', 'OR', 'PA', 'RI', 'SC',
         'SD', 'TN', 'TX', 'UT', 'VT', 'VA', 'WA', 'WV', 'WI', 'WY')
       THEN 'US' ELSE 'Non_US' END AS geo_customers
FROM (
  SELECT
    transaction_id,
    user_id,
    transaction_type,
    status,
    payment_method,
    currency,
    billing_address.city     AS bill_city,
    billing_address.country  AS bill_country,
    billing_address.state    AS bill_state,
    shipping_address.city    AS ship_city,
    shipping_address.country AS ship_country,
    timestamp,
    unnest(products)         AS item
  FROM valid_transactions
) AS line_items;

-- Completed transactions only. Refunds and chargebacks are negative, as in the
-- events, so the net is the plain sum; a day without refunds has 0.
CREATE OR REFRESH MATERIALIZED VIEW daily_revenue
COMMENT 'Money in and out per day (UTC)'
AS
SELECT
  date,
  revenue,
  refund,
  chargeback,
  revenue + refund + chargeback AS net_revenue
FROM (
  SELECT
    CAST(timestamp AS DATE) AS date,
    coalesce(sum(total) FILTER (WHERE transaction_type = 'purchase'),   0.0) AS revenue,
    coalesce(sum(total) FILTER (WHERE transaction_type = 'refund'),     0.0) AS refund,
    coalesce(sum(total) FILTER (WHERE transaction_type = 'chargeback'), 0.0) AS chargeback
  FROM valid_transactions
  WHERE status = 'completed'
  GROUP BY CAST(timestamp AS DATE)
) AS days;

-- Failed transactions are left out: a failed purchase spent nothing, and a failed
-- refund returned nothing. Refunds and chargebacks lower monthly_spent.
-- The month is its first day, so that it sorts and can be joined as a date.
CREATE OR REFRESH MATERIALIZED VIEW customer_monthly_spent
COMMENT 'What each customer spent and gave back per month (UTC)'
AS
SELECT
  user_id,
  month,
  monthly_spent,
  refund_counts,
  chargeback_counts,
  refund_counts >= risky_refunds OR chargeback_counts >= risky_chargebacks AS risk_consumer
FROM (
  SELECT
    user_id,
    CAST(date_trunc('month', timestamp) AS DATE) AS month,
    sum(total)                                               AS monthly_spent,
    count(*) FILTER (WHERE transaction_type = 'refund')      AS refund_counts,
    count(*) FILTER (WHERE transaction_type = 'chargeback')  AS chargeback_counts
  FROM valid_transactions
  WHERE status <> 'failed'
  GROUP BY user_id, CAST(date_trunc('month', timestamp) AS DATE)
) AS months;

-- From cart to purchase: each time a customer put a product into the cart, with
-- each line item of a purchase (not a refund) of that product by that customer
-- at the same time or later. Reads the two gold tables above, which are smaller
-- than the events.
CREATE OR REFRESH MATERIALIZED VIEW cart_to_purchase
COMMENT 'Products put into a cart and bought at or after'
AS
SELECT
  bought.transaction_id,
  bought.user_id,
  bought.product_id,
  cart.timestamp      AS add_to_cart_ts,
  bought.timestamp    AS purchase_ts,
  bought.item_qty     AS purchase_qty,
  bought.item_revenue AS item_revenue
FROM user_events AS cart
JOIN transactions AS bought
  ON  bought.user_id    = cart.user_id
  AND bought.product_id = cart.product_id
  AND bought.timestamp >= cart.timestamp
WHERE cart.event_type = 'add_to_cart'
  AND bought.transaction_type = 'purchase';

-- Every transaction with its total, the largest first; equal totals share a rank,
-- and ranks have no gaps.
CREATE OR REFRESH MATERIALIZED VIEW customer_ranked
COMMENT 'Transactions ranked by what was spent'
AS
SELECT
  user_id,
  transaction_id,
  total AS total_spent,
  dense_rank() OVER (ORDER BY total DESC NULLS LAST) AS dense_rank
FROM valid_transactions;
