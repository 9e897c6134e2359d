-- error: E0206
-- at: 4:57
-- message: did you mean `PARQUET`?
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS PARQUETT LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
