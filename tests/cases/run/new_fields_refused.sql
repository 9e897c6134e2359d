-- file: t/a.json
--| {"id": 1, "home": {"city": "Ulm"}}
--| {"id": 2, "home": {"city": "Ulm", "street": "x"}}
-- fails: data_quality
-- message: source t: 
-- message: t/a.json, line 2 (byte 35): field home.street is not declared; declare it, or set schemaEvolutionMode to rescue or none
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, home STRUCT<city: STRING>)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'dropmalformed', 'schemaEvolutionMode' 'failOnNewColumns');
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id FROM t;
