-- file: t/a.json
--| {"id": 1, "n": 5}
--| {"id": 1, "n": 6}
--| {"id": 2, "n": 7}
-- result: sums
--| id | n
--| 1 | 11
--| 2 | 7
-- result: top
--| id
--| 1
-- result: both
--| id | n | of
--| 1 | 5 | 11
--| 1 | 6 | 11
--| 2 | 7 | 7
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, n INT)
  STORED AS JSON LOCATION '${landing}/t';
-- The order of the statements does not matter.
CREATE OR REFRESH MATERIALIZED VIEW both AS
SELECT t.id, t.n, s.n AS of FROM t JOIN sums AS s ON s.id = t.id;
CREATE OR REFRESH MATERIALIZED VIEW top AS SELECT id FROM sums ORDER BY n DESC LIMIT 1;
CREATE OR REFRESH MATERIALIZED VIEW sums AS SELECT id, sum(n) AS n FROM t GROUP BY id;
