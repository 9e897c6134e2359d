-- error: E0401
-- at: 5:75
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT '日本語 – café' AS `名前` FROM évents;
