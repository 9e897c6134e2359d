-- param: least=15
-- param: since=2024-01-01
-- param: tag=it's
-- file: year=2024/t/a.json
--| {"id": 1, "n": 10, "d": "2024-02-01"}
--| {"id": 2, "n": 20, "d": "2024-02-01"}
--| {"id": 3, "n": 30, "d": "2023-02-01"}
-- result: picked
--| id | tag | text | literal
--| 2 | it's | it's of 2024 | ${tag}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE least INT DEFAULT 0;
DECLARE VARIABLE since DATE;
DECLARE VARIABLE tag STRING;
DECLARE VARIABLE year INT DEFAULT 2024;
SET sluice.shuffle_partitions = 3;
CREATE EXTERNAL TABLE t (id INT, n INT, d DATE)
  STORED AS JSON LOCATION '${landing}/year=${year}/t';
CREATE OR REFRESH MATERIALIZED VIEW picked AS
SELECT id, tag AS tag, '${tag} of ${year}' AS text, '$${tag}' AS literal
FROM t WHERE n > least AND d >= since;
