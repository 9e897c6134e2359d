-- file: t/a.json
--| {"id": 1, "s": "Ab c", "n": 10, "x": 2.5}
--| {"id": 2, "s": null, "n": 20, "x": -1.5}
--| {"id": 3, "s": "éa", "n": null, "x": null}
-- result: most
--| id | s
--| 1 | Ab c
--| 2 | NULL
--| 3 | éa
-- result: top
--| id
--| 2
-- result: everything
--| n
--| 6
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, n INT, x DOUBLE)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW most AS SELECT * EXCEPT (n, x) FROM t;
CREATE OR REFRESH MATERIALIZED VIEW top AS SELECT id FROM t ORDER BY n DESC NULLS LAST LIMIT 1;
CREATE OR REFRESH MATERIALIZED VIEW everything AS SELECT sum(col1) AS n FROM (VALUES (1), (2), (3));
