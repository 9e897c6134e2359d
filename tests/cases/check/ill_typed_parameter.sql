-- param: day=31.05.2024
-- param: n=1e3
-- error: E0409
-- at: 8:18
-- message: expected a date such as `2024-05-31`
-- error: E0409
-- message: `--n`
DECLARE VARIABLE day DATE;
DECLARE VARIABLE n INT;
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user_id, day FROM events LIMIT n;
