-- file: l/a.json
--| {"id": 1, "x": "a"}
--| {"id": 1, "x": "a"}
--| {"id": 2, "x": "b"}
--| {"id": null, "x": "n"}
-- file: r/a.json
--| {"id": 1, "y": 10}
--| {"id": 3, "y": 30}
--| {"id": null, "y": 0}
-- result: pairs
--| a | b
--| 1 | 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE l (id INT, x STRING)
  STORED AS JSON LOCATION '${landing}/l';
CREATE EXTERNAL TABLE r (id INT, y INT)
  STORED AS JSON LOCATION '${landing}/r';
CREATE OR REFRESH MATERIALIZED VIEW pairs AS
SELECT a.id AS a, b.id AS b FROM r AS a JOIN r AS b ON a.id < b.id;
