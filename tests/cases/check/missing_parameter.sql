-- param: day=2024-05-31
-- error: E0407
-- at: 5:18
-- message: add `--landing-zone VALUE`
DECLARE VARIABLE landing_zone STRING;   -- where events arrive
DECLARE VARIABLE day DATE;
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION '${landing_zone}/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user_id, day FROM events;
