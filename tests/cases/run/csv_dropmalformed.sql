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
-- result: names
--| id
--| 1
--| 8
-- result: counted
--| n
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT NOT NULL, name STRING, n INT)
  STORED AS CSV LOCATION '${landing}/t' OPTIONS ('header' 'true', 'mode' 'dropmalformed');
CREATE OR REFRESH MATERIALIZED VIEW names AS SELECT id FROM t;
CREATE OR REFRESH MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM t;
