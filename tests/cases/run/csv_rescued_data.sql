-- file: t/a.csv
--| id,name,n
--| 1,one,10
--| 2,two,x
--| 3,three
--| 4,four,40,"m ""o"" re",
--| ,five,50
--| x,six,60
--| 7,"sev"en,70
-- malformed: t=4
-- result: counted
--| n
--| 3
-- result: rows
--| id | n | bad | extra | last
--| 1 | 10 | NULL | NULL | NULL
--| 2 | NULL | x | NULL | NULL
--| 4 | 40 | NULL | m "o" re | NULL
-- result: files
--| id | file | has_last
--| 2 | a.csv | false
--| 4 | a.csv | true
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- Values beyond the columns and values that do not fit are kept. They make no record
-- malformed; missing values, quotes that do not match, and NOT NULL do.
CREATE EXTERNAL TABLE t (id INT NOT NULL, name STRING, n INT) STORED AS CSV LOCATION '${landing}/t'
  OPTIONS ('header' 'true', 'mode' 'dropmalformed', 'schemaEvolutionMode' 'rescue');
CREATE OR REFRESH MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM t;
CREATE OR REFRESH MATERIALIZED VIEW rows AS
SELECT id, n, get_json_object(_rescued_data, '$.n') AS bad,
       get_json_object(_rescued_data, '$._c3') AS extra,
       get_json_object(_rescued_data, '$._c4') AS last
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW files AS
SELECT id, split_part(get_json_object(_rescued_data, '$._file_path'), '/', -1) AS file,
       contains(_rescued_data, '"_c4":null') AS has_last
FROM t WHERE _rescued_data IS NOT NULL;
