-- file: l/a.json
--| {"id": 1, "x": "a"}
--| {"id": 1, "x": "a"}
--| {"id": 2, "x": "b"}
--| {"id": null, "x": "n"}
-- file: r/a.json
--| {"id": 1, "y": 10}
--| {"id": 3, "y": 30}
--| {"id": null, "y": 0}
-- result: inner_join
--| id | x | y
--| 1 | a | 10
--| 1 | a | 10
-- result: left_join
--| x | y
--| a | 10
--| a | 10
--| b | NULL
--| n | NULL
-- result: full_join
--| x | y
--| a | 10
--| a | 10
--| b | NULL
--| n | NULL
--| NULL | 30
--| NULL | 0
-- result: semi
--| x
--| a
--| a
-- result: anti
--| x
--| b
--| n
-- result: crossed
--| n
--| 12
-- result: null_safe
--| x | y
--| a | 10
--| a | 10
--| n | 0
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE l (id INT, x STRING)
  STORED AS JSON LOCATION '${landing}/l';
CREATE EXTERNAL TABLE r (id INT, y INT)
  STORED AS JSON LOCATION '${landing}/r';
CREATE OR REFRESH MATERIALIZED VIEW inner_join AS SELECT id, x, y FROM l JOIN r USING (id);
CREATE OR REFRESH MATERIALIZED VIEW left_join AS SELECT x, y FROM l LEFT JOIN r ON l.id = r.id;
CREATE OR REFRESH MATERIALIZED VIEW full_join AS SELECT x, y FROM l FULL JOIN r ON l.id = r.id;
CREATE OR REFRESH MATERIALIZED VIEW semi AS SELECT x FROM l LEFT SEMI JOIN r ON l.id = r.id;
CREATE OR REFRESH MATERIALIZED VIEW anti AS SELECT x FROM l LEFT ANTI JOIN r ON l.id = r.id;
CREATE OR REFRESH MATERIALIZED VIEW crossed AS SELECT count(*) AS n FROM l CROSS JOIN r;
CREATE OR REFRESH MATERIALIZED VIEW null_safe AS SELECT x, y FROM l JOIN r ON l.id IS NOT DISTINCT FROM r.id;
