-- error: E0105
-- at: 8:6
-- message: did you mean `FROM`?
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT user_id
FORM events;
