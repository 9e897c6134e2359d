-- error: E0212
-- at: 6:33
-- message: from 1 to 10000
-- error: E0212
-- message: the name of a time zone
SET sluice.shuffle_partitions = many;
SET sluice.session_timezone = 'Mars';
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
