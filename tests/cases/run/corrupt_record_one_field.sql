-- file: t/a.json
--| {"id": 1, "n": 10}
--| {"id": 2, "n": "x"}
-- malformed: t=1
-- result: lines
--| line
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- Only one field of the struct is read.
CREATE EXTERNAL TABLE t (id INT, n INT, _corrupt_record STRUCT<raw: STRING, file: STRING, line: BIGINT, reason: STRING>)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW lines AS
SELECT _corrupt_record.line FROM t WHERE _corrupt_record.raw IS NOT NULL;
