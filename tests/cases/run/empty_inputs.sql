-- file: t/a.json
-- file: t/b.json.gz
-- result: rows
--| id | tags
-- schema: rows
--| id integer
--| tags array<string>
-- result: counted
--| n
--| 0
-- result: kept
--| id
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, tags ARRAY<STRING>)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, tags FROM t;
CREATE OR REFRESH MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM t;
CREATE OR REFRESH MATERIALIZED VIEW kept AS
SELECT id FROM t QUALIFY row_number() OVER (PARTITION BY id ORDER BY id) = 1;
