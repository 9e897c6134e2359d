-- file: sales/a.json
--| {"shop": "x", "kind": "a", "n": 1, "at": 1}
--| {"shop": "x", "kind": "a", "n": 2, "at": 2}
--| {"shop": "x", "kind": "b", "n": 3, "at": 3}
--| {"shop": "y", "kind": "b", "n": 10, "at": 4}
--| {"shop": "y", "kind": "b", "n": null, "at": 5}
-- result: middle
--| exact | spark | med | approx | approx2 | n
--| 2.5 | 2.5 | 2.5 | 2.0 | 2 | 4
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sales (shop STRING, kind STRING, n INT, at INT)
  STORED AS JSON LOCATION '${landing}/sales';
CREATE OR REFRESH MATERIALIZED VIEW middle AS
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS exact,
       percentile(n, 0.5)             AS spark,
       median(n)                      AS med,
       approx_percentile_cont(n, 0.5) AS approx,
       percentile_approx(n, 0.5)      AS approx2,
       approx_count_distinct(n)       AS n
FROM sales;
