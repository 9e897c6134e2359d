-- file: parts/a.json
--| {"part": "car", "of": null, "pieces": 1}
--| {"part": "wheel", "of": "car", "pieces": 4}
-- file: parts/b.json
--| {"part": "bolt", "of": "wheel", "pieces": 5}
--| {"part": "door", "of": "car", "pieces": 2}
--| {"part": "bolt", "of": "door", "pieces": 3}
-- result: numbers
--| n
--| 1
--| 2
--| 3
-- result: bill
--| part | pieces | depth
--| bolt | 26 | 2
--| car | 1 | 0
--| door | 2 | 1
--| wheel | 4 | 1
-- result: both
--| part | n
--| bolt | 1
--| car | 1
--| car | 2
--| door | 1
--| last | 0
-- A recursion, alone, over tables that other datasets read, and next to other rows.
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE parts (part STRING, of STRING, pieces BIGINT) STORED AS JSON LOCATION '${landing}/parts';
CREATE OR REFRESH MATERIALIZED VIEW numbers AS
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r;
CREATE OR REFRESH MATERIALIZED VIEW bill AS
WITH RECURSIVE needed (part, pieces, depth) AS (
  SELECT part, pieces, 0 FROM parts WHERE of IS NULL
  UNION ALL
  SELECT parts.part, parts.pieces * needed.pieces, needed.depth + 1
  FROM needed JOIN parts ON parts.of = needed.part
)
SELECT part, sum(pieces) AS pieces, depth FROM needed GROUP BY part, depth;
CREATE OR REFRESH MATERIALIZED VIEW both AS
WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r WHERE n < 2)
SELECT DISTINCT p.part, r.n FROM r JOIN parts AS p ON length(p.part) > r.n AND length(p.part) < 5 WHERE r.n = 1 OR p.part = 'car'
UNION ALL SELECT 'last', 0;
