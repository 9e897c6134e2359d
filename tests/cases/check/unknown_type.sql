-- error: E0204
-- at: 4:39
-- message: did you mean `STRING`?
CREATE EXTERNAL TABLE events (user_id STIRNG) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
