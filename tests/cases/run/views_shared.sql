-- file: t/a.json
--| {"id": 1, "n": 5}
--| {"id": 2, "n": -1}
--| {"id": 3, "n": null}
-- result: a
--| id
--| 1
-- result: b
--| total
--| 5
-- result: c
--| id | share
--| 1 | 1.0
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE TEMPORARY VIEW good (key, value) AS SELECT id, n FROM t WHERE n > 0;
CREATE TEMPORARY VIEW totals AS SELECT sum(value) AS total FROM good;
CREATE OR REFRESH MATERIALIZED VIEW a AS SELECT key AS id FROM good;
CREATE OR REFRESH MATERIALIZED VIEW b AS SELECT total FROM totals;
CREATE OR REFRESH MATERIALIZED VIEW c AS
SELECT g.key AS id, CAST(g.value AS DOUBLE) / t.total AS share FROM good AS g CROSS JOIN totals AS t;
