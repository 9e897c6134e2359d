-- error: E0401
-- at: 9:31
-- message: did you mean `events`?
-- error: E0401
-- message: `recent`
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS
WITH recent AS (SELECT * FROM event)
SELECT r.user_id FROM recent r;
CREATE OR REFRESH MATERIALIZED VIEW u AS
SELECT user_id FROM events WHERE user_id IN (SELECT user_id FROM recent);
