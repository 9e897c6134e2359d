-- file: a/a.json
--| {"x": 1}
--| {"x": 1}
--| {"x": 1}
--| {"x": null}
--| {"x": null}
--| {"x": 2}
-- file: b/a.json
--| {"x": 1}
--| {"x": 1}
--| {"x": null}
--| {"x": 3}
-- result: except_all
--| x
--| 1
--| NULL
--| 2
-- result: intersect_all
--| x
--| 1
--| 1
--| NULL
-- result: minus_rows
--| x
--| 2
-- result: nested
--| x
--| 1
--| 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE a (x INT) STORED AS JSON LOCATION '${landing}/a';
CREATE EXTERNAL TABLE b (x INT) STORED AS JSON LOCATION '${landing}/b';
CREATE OR REFRESH MATERIALIZED VIEW except_all AS SELECT x FROM a EXCEPT ALL SELECT x FROM b;
CREATE OR REFRESH MATERIALIZED VIEW intersect_all AS SELECT x FROM a INTERSECT ALL SELECT x FROM b;
CREATE OR REFRESH MATERIALIZED VIEW minus_rows AS SELECT x FROM a MINUS SELECT x FROM b;
CREATE OR REFRESH MATERIALIZED VIEW nested AS
WITH n AS (SELECT 1 AS x) (SELECT x FROM n) UNION (SELECT x FROM b EXCEPT SELECT x FROM a);
