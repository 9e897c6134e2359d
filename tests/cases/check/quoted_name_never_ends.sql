-- error: E0103
-- at: 6:49
-- message: quoted name
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT `user_id FROM events;
