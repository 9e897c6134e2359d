-- file: events/a.json
--| {"id": 1, "a": 1}
--| {"id": 2, "a": 2}
--| {"id": 3, "a": 4}
-- file: events/b.json
--| {"id": 4, "a": 4}
-- result: ranked
--| id | place
--| 2 | 1
--| 3 | 1
--| 4 | 2
-- result: twice
--| a | b | n
--| 1 | 1 | 1
--| 2 | 2 | 1
--| 4 | 4 | 1
--| 4 | 4 | 2
-- result: kept
--| a | b | c
--| 1 | 1.0 | 1
--| 2 | 2.0 | 1
--| 4 | 4.0 | 1
--| 4 | 4.0 | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, a INT) STORED AS JSON LOCATION '${landing}/events';
-- Partitions by columns that are equal to each other, or to an expression of themselves.
CREATE MATERIALIZED VIEW ranked AS
SELECT id, rank() OVER (PARTITION BY a ORDER BY a, id) AS place FROM events WHERE greatest(2, a) = a;
CREATE MATERIALIZED VIEW twice AS
SELECT a, b, row_number() OVER (PARTITION BY a, b ORDER BY id) AS n FROM (SELECT id, a, a AS b FROM events);
CREATE MATERIALIZED VIEW kept AS
SELECT a, CAST(a AS DOUBLE) AS b, 1 AS c FROM events
EXCEPT ALL SELECT a, CAST(a AS DOUBLE) AS b, a AS c FROM events WHERE a > 1;
