-- error: E0205
-- at: 4:47
-- message: a CSV source cannot hold STRUCT<a: INT>
CREATE EXTERNAL TABLE events (user_id STRING, s STRUCT<a: INT>) STORED AS CSV LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
