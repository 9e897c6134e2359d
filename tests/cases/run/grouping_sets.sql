-- file: sales/a.json
--| {"shop": "x", "kind": "a", "n": 1, "at": 1}
--| {"shop": "x", "kind": "a", "n": 2, "at": 2}
--| {"shop": "x", "kind": "b", "n": 3, "at": 3}
--| {"shop": "y", "kind": "b", "n": 10, "at": 4}
--| {"shop": "y", "kind": "b", "n": null, "at": 5}
-- result: rolled
--| shop | kind | n | of
--| x | a | 3 | 0
--| x | b | 3 | 0
--| y | b | 10 | 0
--| x | NULL | 6 | 1
--| y | NULL | 10 | 1
--| NULL | NULL | 16 | 3
-- result: sets
--| shop | kind | n
--| x | NULL | 6
--| y | NULL | 10
--| NULL | a | 3
--| NULL | b | 13
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sales (shop STRING, kind STRING, n INT, at INT)
  STORED AS JSON LOCATION '${landing}/sales';
CREATE OR REFRESH MATERIALIZED VIEW rolled AS
SELECT shop, kind, sum(n) AS n, grouping(shop, kind) AS of FROM sales GROUP BY ROLLUP (shop, kind);
CREATE OR REFRESH MATERIALIZED VIEW sets AS
SELECT shop, kind, sum(n) AS n FROM sales GROUP BY GROUPING SETS ((shop), (kind));
