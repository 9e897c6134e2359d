-- error: E0306
-- at: 8:1
-- message: MATERIALIZED VIEW
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
INSERT INTO counts SELECT user_id, 1 FROM events;
