-- error: E0406
-- at: 9:24
-- message: write `user_id` or table.user_id
DECLARE VARIABLE user_id STRING;
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT event_id FROM events
WHERE events.user_id = user_id;
