-- file: t/a%20b.json
--| {"id": 1}
-- file: t/c#d.json
--| {"id": 2}
-- file: t/e?f*[g].json
--| {"id": 3}
-- file: t/p=%25/h.json
--| {"id": 4}
-- file: c/a%2Fb.csv
--| 10
-- file: c/c#1.csv
--| 20
-- file: c/p=x%2Fy/d;e.csv
--| 30
-- result: n
--| json | csv
--| 10 | 60
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT) STORED AS JSON LOCATION '${landing}/t';
CREATE EXTERNAL TABLE c (id INT) STORED AS CSV LOCATION '${landing}/c';
CREATE OR REFRESH MATERIALIZED VIEW n AS
SELECT (SELECT sum(id) FROM t) AS json, (SELECT sum(id) FROM c) AS csv;
