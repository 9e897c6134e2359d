-- error: E0105
-- at: 7:47
-- message: the end of the statement
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT user_id FROM events WHERE (quantity > 1;
