-- error: E0110
-- at: 6:3
-- message: LOCATION
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON
  LOCATION 'a'
  LOCATION 'b';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
