-- error: E0111
-- at: 4:29
-- message: no columns
CREATE EXTERNAL TABLE events STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
