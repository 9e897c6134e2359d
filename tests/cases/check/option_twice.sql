-- error: E0213
-- at: 4:29
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON LOCATION 'x'
  OPTIONS (mode 'failfast', 'MODE' = 'permissive');
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
