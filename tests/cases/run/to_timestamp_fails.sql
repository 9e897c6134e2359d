-- file: t/a.json
--| {"at": "yesterday"}
-- fails: execution
-- message: yesterday
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (at STRING)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW parsed AS SELECT to_timestamp(at) AS at FROM t;
