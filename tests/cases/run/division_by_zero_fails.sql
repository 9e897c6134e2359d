-- file: t/a.json
--| {"a": 1, "b": 0}
-- fails: execution
-- message: divides by zero; write try_divide(a, b)
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (a INT, b INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW x AS SELECT a / b AS v FROM t;
