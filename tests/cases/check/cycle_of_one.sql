-- error: E0402
-- at: 7:58
-- message: `t` reads itself
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT user_id FROM events UNION ALL SELECT user_id FROM t;
