-- file: t/a.csv
--| 1,one
--| 2,two,more
-- fails: data_quality
-- message: line 2
-- message: field _c2 is not declared
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, name STRING) STORED AS CSV LOCATION '${landing}/t'
  OPTIONS ('schemaEvolutionMode' 'failOnNewColumns');
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id FROM t;
