-- param: least=15
-- param: since=2024-01-01
-- param: tag=it's
-- file: year=2024/t/a.json
--| {"id": 1, "n": 10, "d": "2024-02-01"}
--| {"id": 2, "n": 20, "d": "2024-02-01"}
--| {"id": 3, "n": 30, "d": "2023-02-01"}
-- param: kinds=array('x', 'it\'s')
-- result: picked
--| id | tag | text | literal
--| 2 | it's | it's of 2024 | ${tag}
-- result: nested
--| second | of_two | known | city | kind
--| 20 | two | true | Rome | it's
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE least INT DEFAULT 0;
DECLARE VARIABLE since DATE;
DECLARE VARIABLE tag STRING;
DECLARE VARIABLE year INT DEFAULT 2024;
DECLARE VARIABLE ids ARRAY<BIGINT> DEFAULT array(10, 20);
DECLARE VARIABLE kinds ARRAY<STRING>;
DECLARE VARIABLE names MAP<INT, STRING> DEFAULT map(1, 'one', 2, 'two');
DECLARE VARIABLE home STRUCT<city: STRING, since: DATE> DEFAULT named_struct('city', 'Rome', 'since', DATE'2024-01-01');
SET sluice.shuffle_partitions = 3;
CREATE EXTERNAL TABLE t (id INT, n INT, d DATE)
  STORED AS JSON LOCATION '${landing}/year=${year}/t';
CREATE OR REFRESH MATERIALIZED VIEW picked AS
SELECT id, tag AS tag, '${tag} of ${year}' AS text, '$${tag}' AS literal
FROM t WHERE n > least AND d >= since;
CREATE OR REFRESH MATERIALIZED VIEW nested AS
SELECT ids[1] AS second, names[2] AS of_two, array_contains(ids, n) AS known, home['city'] AS city, kinds[1] AS kind
FROM t WHERE id = 2;
