-- file: t/a.json
--| {"s": "x"}
-- fails: execution
-- message: Cannot cast string 'x' to value of Int32 type
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (s STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW failing AS SELECT CAST(s AS INT) AS n FROM t;
