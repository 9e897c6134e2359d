-- file: t/a.json
--| {"id": 1, "n": 1}
--| {"id": 2, "n": 12x4}
--| {"id": 3, "s": "\q"}
-- malformed: t=2
-- result: ids
--| id
--| 1
--| NULL
--| NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- A line that is not JSON has no values, whether its broken field is read or not.
CREATE EXTERNAL TABLE t (id INT, n INT, s STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW ids AS SELECT id FROM t;
