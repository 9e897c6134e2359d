-- file: t/a.json
--| {"id": 1, "n": 1, "home": {"city": "Ulm", "street": "x"}}
--| {"id": 2, "n": "x", "new": [1, 2]}
--| {"id": 3, "n": 3}
--| {"id": 4, "n":
--| {"n": 5, "new": true}
-- malformed: t=2
-- malformed: named=2
-- result: counted
--| n
--| 3
-- result: rows
--| id | n | city | rescued | new
--| 1 | 1 | Ulm | {"street":"x"} | NULL
--| 2 | NULL | NULL | NULL | [1,2]
--| 3 | 3 | NULL | NULL | NULL
-- result: files
--| id | file
--| 1 | a.json
--| 2 | a.json
-- result: others
--| id | n | has_rest
--| 1 | 1 | true
--| 2 | NULL | true
--| 3 | 3 | false
-- schema: others
--| id integer
--| n integer
--| has_rest boolean
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- Fields that are not declared and values that do not fit are kept as JSON. They
-- make no line malformed; a broken line and a missing value of NOT NULL do.
CREATE EXTERNAL TABLE t (id INT NOT NULL, n INT, home STRUCT<city: STRING>)
  STORED AS JSON LOCATION '${landing}/t'
  OPTIONS ('mode' 'dropmalformed', 'schemaEvolutionMode' 'rescue');
CREATE EXTERNAL TABLE named (id INT NOT NULL, n INT) USING json
  OPTIONS ('mode' 'dropmalformed', 'rescuedDataColumn' 'Rest') LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM t;
CREATE OR REFRESH MATERIALIZED VIEW rows AS
SELECT id, n, home.city, get_json_object(_rescued_data, '$.home') AS rescued,
       get_json_object(_rescued_data, '$.new') AS new
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW files AS
SELECT id, split_part(get_json_object(_rescued_data, '$._file_path'), '/', -1) AS file
FROM t WHERE _rescued_data IS NOT NULL;
CREATE STREAMING TABLE others AS
SELECT * EXCEPT (rest), rest IS NOT NULL AS has_rest FROM STREAM named;
