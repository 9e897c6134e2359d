-- error: E0412
-- at: 7:44
-- message: unnest
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT user_id, x FROM events LATERAL VIEW explode(items) i AS x;
