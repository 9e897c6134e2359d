-- file: t/a.json
--| {"k": 1, "s": "NaN", "n": 1}
--| {"k": 2, "s": "1", "n": null}
--| {"k": 3, "s": "3", "n": 3}
--| {"k": 4, "s": "1e300", "n": 4}
--| {"k": 5, "s": "1", "n": 5}
--| {"k": 6, "s": "2", "n": 6}
-- result: frames
--| k | total | mean | deviation | odd | most | items
--| 1 | NaN | NaN | NULL | 1 | 1 | [1]
--| 2 | NaN | NaN | NaN | 1 | 1 | [1]
--| 3 | 4.0 | 2.0 | 1.4142135623730951 | 1 | 3 | [3]
--| 5 | 1e300 | 5e299 | inf | 1 | 5 | [4, 5]
--| 6 | 3.0 | 1.5 | 0.7071067811865476 | 1 | 5 | [5, 6]
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (k INT, s STRING, n INT)
  STORED AS JSON LOCATION '${landing}/t';
-- What has left a frame does not count.
CREATE OR REFRESH MATERIALIZED VIEW frames AS
SELECT k, total, mean, deviation, odd, most, items FROM (
  SELECT k, sum(x) OVER w AS total, avg(x) OVER w AS mean, stddev(x) OVER w AS deviation,
         count(n) FILTER (WHERE n % 2 = 1) OVER w AS odd, max(n) FILTER (WHERE n % 2 = 1) OVER w AS most,
         collect_list(n) OVER w AS items
  FROM (SELECT k, CAST(s AS DOUBLE) AS x, n FROM t)
  WINDOW w AS (ORDER BY k ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
) WHERE k <> 4;
