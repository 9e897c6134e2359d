-- error: E0509
-- at: 11:26
-- message: Spark leaves out
-- message: LATERAL VIEW OUTER
-- file: o/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE o (id INT, tags ARRAY<STRING>) STORED AS JSON LOCATION '${landing}/o';
CREATE OR REFRESH MATERIALIZED VIEW t AS SELECT id, tag
FROM o LEFT JOIN LATERAL explode(tags) AS t(tag);
