-- error: E0307
-- at: 5:1
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE TABLE counts AS SELECT user_id FROM events;
CREATE OR REFRESH MATERIALIZED VIEW n AS SELECT count(*) AS n FROM counts;
