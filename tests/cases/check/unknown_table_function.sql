-- error: E0411
-- at: 8:56
-- message: CREATE EXTERNAL TABLE
-- error: E0411
-- message: use explode
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT * FROM read_json('x/*.json');
CREATE OR REFRESH MATERIALIZED VIEW u AS SELECT user_id FROM events, LATERAL flatten(events.items) AS i(x);
