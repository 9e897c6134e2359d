-- file: t/a.json
--| {"id": 1}
--| {"n": 2}
-- fails: data_quality
-- message: line 2
-- message: declared NOT NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT NOT NULL, n INT)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'failfast');
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, n FROM t;
