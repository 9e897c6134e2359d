-- error: E0405
-- at: 7:47
-- message: `$${`
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT user_id FROM events WHERE user_id ~ '^a${';
