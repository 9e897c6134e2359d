-- error: E0208
-- at: 25:36
-- message: the option `schema_evolution_mode` cannot be `addNewColumns`
-- message: columns are declared, and not added by data
-- message: write `rescue` to keep new fields
-- error: E0208
-- at: 27:36
-- message: expected `none`, `rescue` or `failOnNewColumns`
-- error: E0208
-- at: 29:36
-- message: leave rescuedDataColumn out
-- error: E0208
-- at: 31:34
-- message: must be STRING
-- error: E0208
-- at: 33:34
-- message: it cannot have variables
-- error: E0207
-- at: 35:12
-- message: Parquet files describe themselves
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE rest STRING DEFAULT 'rest';
CREATE EXTERNAL TABLE a (id INT) STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('schemaEvolutionMode' = 'addNewColumns');
CREATE EXTERNAL TABLE b (id INT) STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('schemaEvolutionMode' = 'rescued');
CREATE EXTERNAL TABLE c (id INT) STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('schemaEvolutionMode' = 'failOnNewColumns', 'rescuedDataColumn' = 'rest');
CREATE EXTERNAL TABLE d (id INT, rest INT) STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('rescuedDataColumn' = 'rest');
CREATE EXTERNAL TABLE e (id INT) STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('rescuedDataColumn' = '${rest}');
CREATE EXTERNAL TABLE f (id INT) STORED AS PARQUET LOCATION '${landing}/t'
  OPTIONS ('rescuedDataColumn' = 'rest');
CREATE OR REFRESH MATERIALIZED VIEW m AS SELECT a.id FROM a, b, c, d, e, f;
