-- error: E0215
-- at: 5:18
-- message: first declared on line 4
DECLARE VARIABLE day DATE;
DECLARE VARIABLE Day STRING;
CREATE EXTERNAL TABLE events (event_id STRING NOT NULL, user_id STRING, quantity INT, timestamp TIMESTAMP)
  STORED AS JSON LOCATION 'data/events';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
