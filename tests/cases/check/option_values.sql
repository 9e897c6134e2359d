-- error: E0208
-- at: 11:17
-- message: did you mean `failfast`?
-- error: E0208
-- message: expected a size
-- error: E0208
-- message: `gzip`
-- error: E0208
-- message: one ASCII character
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON LOCATION 'x'
  OPTIONS (mode 'fialfast', 'max_line_bytes' = 'lots', compression = snappy);
CREATE EXTERNAL TABLE rows (user_id STRING) STORED AS CSV LOCATION 'x' OPTIONS ('sep' '||');
CREATE OR REFRESH MATERIALIZED VIEW counts AS
SELECT user_id, count(*) AS n FROM events GROUP BY user_id;
