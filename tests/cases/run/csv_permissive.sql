-- file: t/a.csv
--| id,name,n
--| 1,one,10
--| x,two,20
--| 3,three
--| 4,four,40,more
--| ,five,50
--| 6,"six
--| 7,"sev"en,70
--| 8,"ei, ""g""
--| ht",80
-- malformed: t=6
-- result: rows
--| id | name | n | bad
--| 1 | one | 10 | NULL
--| NULL | two | 20 | x,two,20
--| 3 | three | NULL | 3,three
--| 4 | four | 40 | 4,four,40,more
--| NULL | five | 50 | ,five,50
--| NULL | NULL | NULL | 6,"six
--| NULL | NULL | NULL | 7,"sev"en,70
--| 8 | 20 | 80 | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT NOT NULL, name STRING, n INT, _corrupt_record STRING)
  STORED AS CSV LOCATION '${landing}/t' OPTIONS ('header' 'true');
CREATE OR REFRESH MATERIALIZED VIEW rows AS
SELECT id, CASE WHEN id = 8 THEN CAST(length(name) + 10 AS STRING) ELSE name END AS name, n, _corrupt_record AS bad FROM t;
