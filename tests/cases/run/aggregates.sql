-- file: sales/a.json
--| {"shop": "x", "kind": "a", "n": 1, "at": 1}
--| {"shop": "x", "kind": "a", "n": 2, "at": 2}
--| {"shop": "x", "kind": "b", "n": 3, "at": 3}
--| {"shop": "y", "kind": "b", "n": 10, "at": 4}
--| {"shop": "y", "kind": "b", "n": null, "at": 5}
-- result: per_shop
--| shop | rows | n | big | avg | list | set_n | latest | names
--| x | 3 | 3 | 1 | 2.0 | [1, 2, 3] | 3 | 3 | a;a;b
--| y | 2 | 1 | 1 | 10.0 | [10] | 1 | NULL | b;b
-- result: several
--| shop
--| x
-- result: pivoted
--| shop | a | b
--| x | 3 | 3
--| y | NULL | 10
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sales (shop STRING, kind STRING, n INT, at INT)
  STORED AS JSON LOCATION '${landing}/sales';
CREATE OR REFRESH MATERIALIZED VIEW per_shop AS
SELECT shop, count(*) AS rows, count(n) AS n, count_if(n > 2) AS big, avg(n) AS avg,
       array_sort(collect_list(n)) AS list, cardinality(collect_set(n)) AS set_n,
       max_by(n, at) AS latest,
       string_agg(kind, ';' ORDER BY kind) AS names
FROM sales GROUP BY shop;
CREATE OR REFRESH MATERIALIZED VIEW several AS
SELECT shop FROM sales GROUP BY shop HAVING count(DISTINCT kind) > 1;
-- Instead of PIVOT.
CREATE OR REFRESH MATERIALIZED VIEW pivoted AS
SELECT shop, sum(n) FILTER (WHERE kind = 'a') AS a, sum(n) FILTER (WHERE kind = 'b') AS b
FROM sales GROUP BY shop;
