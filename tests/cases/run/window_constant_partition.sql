-- file: sales/a.json
--| {"shop": "a", "year": 2024, "item": 1, "price": 10}
--| {"shop": "a", "year": 2024, "item": 2, "price": 30}
--| {"shop": "b", "year": 2024, "item": 1, "price": 20}
-- file: sales/b.json
--| {"shop": "a", "year": 2023, "item": 2, "price": 99}
--| {"shop": "b", "year": 2024, "item": 3, "price": 5}
--| {"shop": "a", "year": 2024, "item": 1, "price": 7}
-- file: years/a.json
--| {"number": 2023, "name": "last"}
--| {"number": 2024, "name": "this"}
-- result: ranked
--| shop | year | item | price | place
--| a | 2024 | 1 | 17 | 2
--| a | 2024 | 2 | 30 | 1
--| b | 2024 | 1 | 20 | 1
--| b | 2024 | 3 | 5 | 2
-- result: shares
--| shop | year | item | price | of_shop
--| a | 2024 | 1 | 17 | 47
--| a | 2024 | 2 | 30 | 47
--| b | 2024 | 1 | 20 | 25
--| b | 2024 | 3 | 5 | 25
-- result: named
--| name | number | year | price | total
--| this | 2024 | 2024 | 5 | 5
--| this | 2024 | 2024 | 7 | 12
--| this | 2024 | 2024 | 10 | 22
--| this | 2024 | 2024 | 20 | 42
--| this | 2024 | 2024 | 30 | 72
-- result: next
--| shop | year | item | price | of_year | before
--| a | 2024 | 1 | 17 | 47 | 99
--| a | 2024 | 2 | 30 | 47 | 17
--| b | 2024 | 3 | 5 | 25 | 20
-- result: following
--| shop | item | price | most
--| a | 1 | 17 | 30
--| a | 2 | 30 | 30
--| b | 1 | 20 | 20
--| b | 3 | 5 | 20
-- A column of PARTITION BY that the query makes constant, or equal to another one, is
-- sorted by as any other: the stage of the window function does not know that.
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sales (shop STRING, year INT, item INT, price BIGINT) STORED AS JSON LOCATION '${landing}/sales';
CREATE EXTERNAL TABLE years (number INT, name STRING) STORED AS JSON LOCATION '${landing}/years';
CREATE TEMPORARY VIEW by_item AS
SELECT shop, year, item, sum(price) AS price FROM sales WHERE year = 2024 GROUP BY shop, year, item;
CREATE OR REFRESH MATERIALIZED VIEW ranked AS
SELECT shop, year, item, price, rank() OVER (PARTITION BY year, shop ORDER BY price DESC) AS place FROM by_item;
CREATE OR REFRESH MATERIALIZED VIEW shares AS
SELECT shop, year, item, price, sum(price) OVER (PARTITION BY shop, year) AS of_shop FROM by_item;
CREATE OR REFRESH MATERIALIZED VIEW named AS
SELECT name, number, year, price, sum(price) OVER (PARTITION BY number, year, name ORDER BY price) AS total
FROM (SELECT DISTINCT name, number, year, price FROM sales JOIN years ON number = year WHERE year = 2024) AS joined;
CREATE OR REFRESH MATERIALIZED VIEW next AS
WITH items AS (
  SELECT shop, year, item, sum(price) AS price,
    sum(sum(price)) OVER (PARTITION BY shop, year) AS of_year,
    rank() OVER (PARTITION BY shop ORDER BY year, item) AS place
  FROM sales GROUP BY shop, year, item
)
SELECT this.shop, this.year, this.item, this.price, this.of_year, last.price AS before
FROM items AS this JOIN items AS last ON this.shop = last.shop AND this.place = last.place + 1
WHERE this.year = 2024;
CREATE OR REFRESH MATERIALIZED VIEW following AS
SELECT shop, item, price, max(price) OVER (
  PARTITION BY year ORDER BY shop RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
) AS most FROM by_item;
