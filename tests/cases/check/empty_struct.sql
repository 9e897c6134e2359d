-- error: E0104
-- at: 4:33
-- message: at least one field
CREATE EXTERNAL TABLE events (a STRUCT<>) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
