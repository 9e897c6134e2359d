-- file: t/a.json
--| {"g": 1, "d": 1.00, "q": 3}
--| {"g": 1, "d": 1.00, "q": 3}
--| {"g": 1, "d": 0.00, "q": 3}
--| {"g": 2, "d": -2.00, "q": 3}
-- schema: single
--| third decimal(21,13)
--| product decimal(21,4)
--| sum decimal(11,2)
--| more decimal(21,2)
--| rest decimal(10,2)
-- result: single
--| third | product | sum | more | rest
--| -0.6666666666667 | 4.0000 | -4.00 | -6.00 | -2.00
-- schema: grouped
--| g integer
--| total decimal(20,2)
--| mean decimal(14,6)
--| third string
-- result: grouped
--| g | total | mean | third
--| 1 | 2.00 | 0.666667 | 0.6666666666667
--| 2 | -2.00 | -2.000000 | -0.6666666666667
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (g INT, d DECIMAL(10, 2), q INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW single AS
SELECT d / q AS third, d * d AS product, d + d AS sum, d * q AS more, d % q AS rest FROM t WHERE g = 2;
CREATE OR REFRESH MATERIALIZED VIEW grouped AS
SELECT g, sum(d) AS total, avg(d) AS mean, CAST(sum(d) / max(q) AS STRING) AS third FROM t GROUP BY g;
