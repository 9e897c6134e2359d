-- error: E0104
-- at: 4:54
-- message: found `>`
CREATE EXTERNAL TABLE events (a ARRAY<STRUCT<b: INT>>>) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
