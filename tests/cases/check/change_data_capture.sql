-- error: E0305
-- at: 8:1
-- error: E0305
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
CREATE FLOW f AS AUTO CDC INTO counts FROM events KEYS (user_id) SEQUENCE BY timestamp;
APPLY CHANGES INTO counts FROM events KEYS (user_id) SEQUENCE BY timestamp;
