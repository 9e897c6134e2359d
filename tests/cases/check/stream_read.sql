-- error: E0302
-- at: 8:62
-- error: E0302
-- error: E0401
-- message: `evnts`
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW a AS SELECT user_id FROM STREAM events;
CREATE OR REFRESH MATERIALIZED VIEW b AS SELECT user_id FROM STREAM(evnts);
