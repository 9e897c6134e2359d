-- error: E0203
-- at: 8:37
-- message: for example `daily_revenue`
-- error: E0203
-- message: hidden
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW `Daily-Revenue` AS SELECT user_id FROM events;
CREATE OR REFRESH MATERIALIZED VIEW _tmp AS SELECT user_id FROM events;
