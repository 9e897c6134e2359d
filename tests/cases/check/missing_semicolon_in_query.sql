-- error: E0106
-- at: 9:58
-- error: E0401
-- message: `event`
-- message: did you mean `events`?
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM event GROUP BY user_id

CREATE TEMPORARY VIEW v AS SELECT 1 AS one;
CREATE OR REFRESH MATERIALIZED VIEW w AS SELECT one FROM v, events;
