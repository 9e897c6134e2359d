-- ok
-- file: s/a.json
--| {"shop": "a", "year": 1, "amount": 10}
--| {"shop": "a", "year": 1, "amount": 5}
--| {"shop": "a", "year": 2, "amount": 20}
--| {"shop": "b", "year": 1, "amount": 7}
--| {"shop": "b", "year": 2, "amount": 7}
--| {"shop": null, "year": 2, "amount": 1}
-- result: compared
--| shop | last | now
--| a | 15 | 20
--| b | 7 | 7
-- result: above_average
--| shop | year | sold
--| a | 1 | 15
--| a | 2 | 20
-- result: nested
--| shop | sold | best | shops
--| a | 35 | 35 | 3
--| b | 14 | 35 | 3
-- result: listed
--| part | shop
--| many | a
--| many | b
--| shops | a
--| shops | b
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
SET sluice.min_shared_size = '0B';
CREATE EXTERNAL TABLE s (shop STRING, year INT, amount INT) STORED AS JSON LOCATION '${landing}/s';
-- The years differ, so each side computes its own.
CREATE OR REFRESH MATERIALIZED VIEW compared AS
WITH sales AS (SELECT shop, year, sum(amount) AS sold FROM s GROUP BY shop, year)
SELECT a.shop, a.sold AS last, b.sold AS now FROM sales a JOIN sales b ON a.shop = b.shop
WHERE a.year = 1 AND b.year = 2;
-- Also in a subquery that is a value.
CREATE OR REFRESH MATERIALIZED VIEW above_average AS
WITH sales AS (SELECT shop, year, sum(amount) AS sold FROM s GROUP BY shop, year)
SELECT shop, year, sold FROM sales WHERE sold > (SELECT avg(sold) FROM sales);
-- One shared part reads another.
CREATE OR REFRESH MATERIALIZED VIEW nested AS
WITH sales AS (SELECT shop, sum(amount) AS sold FROM s GROUP BY shop),
     pairs AS (SELECT x.shop, x.sold, y.sold AS other FROM sales x JOIN sales y ON x.shop = y.shop)
SELECT p.shop, p.sold, (SELECT max(sold) FROM sales) AS best, (SELECT count(*) FROM sales) AS shops
FROM pairs p JOIN pairs q ON p.shop = q.shop;
-- Written twice, without a name.
CREATE OR REFRESH MATERIALIZED VIEW listed AS
SELECT 'many' AS part, shop FROM (SELECT shop, count(*) AS n FROM s GROUP BY shop) WHERE n > 1
UNION ALL
SELECT 'shops', shop FROM (SELECT shop, count(*) AS n FROM s GROUP BY shop) WHERE n > 1;
