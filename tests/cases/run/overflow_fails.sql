-- file: t/a.json
--| {"i": 2000000000}
-- fails: execution
-- message: [ARITHMETIC_OVERFLOW] 2000000000 * 3 does not fit INT; write try_multiply(a, b)
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (i INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW x AS SELECT i * CAST(3 AS INT) AS v FROM t;
