-- file: t/a.json
--| {"id": 1, "k": "a", "x": 10}
--| {"id": 2, "k": "b", "x": 20}
--| {"id": 3, "k": null, "x": 30}
-- result: as_values
--| a | f
--| 10 | true
--| 2 | false
--| NULL | false
-- result: over_values
--| id
--| 1
-- result: not_over_values
--| id
--| 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id BIGINT, k STRING, x INT) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW as_values AS
SELECT a, (a, b) IN (SELECT x, k FROM t) AS f FROM VALUES (10, 'a'), (2, 'b'), (NULL, 'b') AS q(a, b);
CREATE OR REFRESH MATERIALIZED VIEW over_values AS
SELECT id FROM t WHERE (x, k) IN (SELECT a, b FROM VALUES (10, 'a'), (2, 'b') AS q(a, b));
CREATE OR REFRESH MATERIALIZED VIEW not_over_values AS
SELECT id FROM t WHERE (x, k) NOT IN (SELECT a, b FROM VALUES (10, 'a'), (30, 'c') AS q(a, b));
