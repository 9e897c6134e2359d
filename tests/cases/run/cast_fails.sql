-- file: t/a.json
--| {"s": "x"}
-- fails: execution
-- message: the text 'x' cannot be cast to INT
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (s STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW failing AS SELECT CAST(s AS INT) AS n FROM t;
