-- error: E0410
-- at: 8:62
-- message: write `events` alone
-- error: E0410
-- message: unnest(events.items)
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT user_id FROM live.events;
CREATE OR REFRESH MATERIALIZED VIEW u AS SELECT i FROM events, events.items AS i;
