-- error: E0202
-- at: 6:47
-- message: `User_Id`
-- error: E0202
-- message: `A`
CREATE EXTERNAL TABLE events (user_id STRING, User_Id STRING, s STRUCT<x: INT>) STORED AS JSON LOCATION 'x';
CREATE EXTERNAL TABLE other (s STRUCT<a: INT, A: INT>) STORED AS JSON LOCATION 'x';
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
