-- error: E0403
-- at: 6:23
-- message: nothing to do
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE TEMPORARY VIEW v AS SELECT * FROM events;
