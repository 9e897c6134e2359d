-- error: E0111
-- at: 4:23
-- message: LOCATION '${landing}/events'
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON;
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
