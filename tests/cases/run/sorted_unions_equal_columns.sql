-- file: events/a.json
--| {"id": 2, "kind": "b"}
--| {"id": 1, "kind": "a"}
-- file: events/b.json
--| {"id": 3, "kind": "a"}
-- result: numbered
--| a | b | n
--| 0 | 0 | 1
--| 1 | 0 | 1
--| 1 | 1 | 1
--| 2 | 0 | 1
--| 2 | 2 | 1
--| 3 | 0 | 1
--| 3 | 3 | 1
-- result: kept
--| a | b
--| 1 | 0
--| 1 | 1
--| 2 | 0
--| 3 | 0
--| 3 | 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, kind STRING) STORED AS JSON LOCATION '${landing}/events';
-- Columns that are equal in one branch and constant in another, below a sort by both.
CREATE MATERIALIZED VIEW numbered AS
SELECT a, b, row_number() OVER (PARTITION BY a, b ORDER BY a) AS n
FROM (SELECT id AS a, id AS b FROM events UNION ALL SELECT id, 0L FROM events UNION ALL SELECT 0L, 0L);
CREATE MATERIALIZED VIEW kept AS
(SELECT id AS a, id AS b FROM events UNION ALL SELECT id AS a, 0L AS b FROM events)
EXCEPT ALL SELECT id AS a, 2L AS b FROM events;
