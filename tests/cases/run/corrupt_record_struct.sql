-- file: t/a.json
--| {"id": 1, "n": 10}
--| {"id": 2, "n": "3"}
--| {"id": 3, "n":
--| {"id": 4, "n": 40}
-- malformed: t=2
-- result: rows
--| id | n | raw | file | line | has_reason
--| 2 | NULL | {"id": 2, "n": "3"} | a.json | 2 | true
--| NULL | NULL | {"id": 3, "n": | a.json | 3 | true
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT, _corrupt_record STRUCT<raw: STRING, file: STRING, line: BIGINT, reason: STRING>)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS
SELECT id, n, _corrupt_record.raw, split_part(_corrupt_record.file, '/', -1) AS file, _corrupt_record.line,
       length(_corrupt_record.reason) > 0 AS has_reason
FROM t WHERE _corrupt_record IS NOT NULL;
