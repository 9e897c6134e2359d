-- file: l/a.json
--| {"id": 1, "x": "a"}
--| {"id": 1, "x": "a"}
--| {"id": 2, "x": "b"}
--| {"id": null, "x": "n"}
-- file: r/a.json
--| {"id": 1, "y": 10}
--| {"id": 3, "y": 30}
--| {"id": null, "y": 0}
-- result: looked_up
--| x | y | top
--| a | 10 | 30
--| a | 10 | 30
--| b | NULL | 30
--| n | NULL | 30
-- result: existing
--| x
--| a
--| a
-- result: listed
--| x
--| a
--| a
-- result: ctes
--| n | y
--| 2 | 10
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE l (id INT, x STRING)
  STORED AS JSON LOCATION '${landing}/l';
CREATE EXTERNAL TABLE r (id INT, y INT)
  STORED AS JSON LOCATION '${landing}/r';
CREATE OR REFRESH MATERIALIZED VIEW looked_up AS
SELECT x, (SELECT max(y) FROM r WHERE r.id = l.id) AS y, (SELECT max(y) FROM r) AS top FROM l;
CREATE OR REFRESH MATERIALIZED VIEW existing AS
SELECT x FROM l WHERE EXISTS (SELECT 1 FROM r WHERE r.id = l.id);
CREATE OR REFRESH MATERIALIZED VIEW listed AS
SELECT x FROM l WHERE id IN (SELECT id FROM r);
CREATE OR REFRESH MATERIALIZED VIEW ctes AS
WITH counted AS (SELECT id, count(*) AS n FROM l GROUP BY id),
     joined AS (SELECT n, y FROM counted JOIN r ON r.id = counted.id)
SELECT n, y FROM joined;
