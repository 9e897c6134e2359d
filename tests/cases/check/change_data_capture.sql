-- error: E0305
-- at: 10:18
-- message: QUALIFY
-- error: E0305
-- error: E0305
-- message: by their keys
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH STREAMING TABLE counts AS SELECT user_id, timestamp FROM STREAM events;
CREATE FLOW f AS AUTO CDC INTO counts FROM STREAM(events) KEYS (user_id) SEQUENCE BY timestamp;
APPLY CHANGES INTO counts FROM events KEYS (user_id) SEQUENCE BY timestamp;
CREATE FLOW g AS INSERT INTO counts BY NAME REPLACE USING (user_id) SELECT * FROM STREAM events;
