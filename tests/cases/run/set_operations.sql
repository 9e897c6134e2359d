-- file: l/a.json
--| {"id": 1, "x": "a"}
--| {"id": 1, "x": "a"}
--| {"id": 2, "x": "b"}
--| {"id": null, "x": "n"}
-- file: r/a.json
--| {"id": 1, "y": 10}
--| {"id": 3, "y": 30}
--| {"id": null, "y": 0}
-- result: all_rows
--| id
--| 1
--| 1
--| 2
--| NULL
--| 1
--| 3
--| NULL
-- result: uniq
--| id
--| 1
--| 2
--| 3
--| NULL
-- result: common
--| id
--| 1
--| NULL
-- result: rest
--| id
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE l (id INT, x STRING)
  STORED AS JSON LOCATION '${landing}/l';
CREATE EXTERNAL TABLE r (id INT, y INT)
  STORED AS JSON LOCATION '${landing}/r';
CREATE OR REFRESH MATERIALIZED VIEW all_rows AS SELECT id FROM l UNION ALL SELECT id FROM r;
CREATE OR REFRESH MATERIALIZED VIEW uniq AS SELECT id FROM l UNION SELECT id FROM r;
CREATE OR REFRESH MATERIALIZED VIEW common AS SELECT id FROM l INTERSECT SELECT id FROM r;
CREATE OR REFRESH MATERIALIZED VIEW rest AS SELECT id FROM l EXCEPT SELECT id FROM r;
