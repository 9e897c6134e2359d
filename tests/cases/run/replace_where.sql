-- file: sales/a.json
--| {"day": "2026-01-01", "item": "a", "n": 1}
--| {"day": "2026-01-01", "item": "a", "n": 2}
--| {"day": "2026-01-02", "item": "b", "n": 4}
--| {"day": "2026-01-03", "item": "c", "n": 8}
--| {"day": null, "item": "d", "n": 16}
-- result: daily
--| day | item | n
--| 2026-01-01 | a | 3
--| 2026-01-02 | b | 4
-- folders: daily
--| day=2026-01-01
--| day=2026-01-02
-- result: recent
--| item | n
--| c | 8
-- result: totals
--| n
--| 7
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE first_day DATE DEFAULT DATE '2026-01-01';
DECLARE VARIABLE last_day DATE DEFAULT DATE '2026-01-02';
CREATE EXTERNAL TABLE sales (day DATE, item STRING, n BIGINT)
  USING json LOCATION '${landing}/sales';
CREATE STREAMING TABLE daily PARTITIONED BY (day);
CREATE FLOW days AS INSERT INTO daily REPLACE WHERE day BETWEEN first_day AND last_day BY NAME
SELECT day, item, sum(n) AS n FROM sales
WHERE day BETWEEN first_day AND last_day GROUP BY day, item;
CREATE STREAMING TABLE recent (item STRING, n BIGINT NOT NULL)
FLOW REPLACE WHERE n > 5 AND item < 'd' BY NAME
SELECT item, coalesce(n, 0) AS n FROM sales WHERE n > 5 ORDER BY n LIMIT 1;
CREATE MATERIALIZED VIEW totals AS SELECT sum(n) AS n FROM daily;
