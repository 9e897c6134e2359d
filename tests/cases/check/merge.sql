-- error: E0304
-- at: 7:1
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
MERGE INTO counts USING events ON counts.user_id = events.user_id
WHEN MATCHED THEN UPDATE
SET n = 1;
