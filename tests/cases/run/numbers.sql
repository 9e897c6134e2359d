-- file: prices/a.json
--| {"id": 1, "price": 19.99, "qty": 3, "big": 9007199254740993}
--| {"id": 2, "price": "0.005", "qty": -7, "big": -1}
--| {"id": 3, "price": null, "qty": null, "big": null}
-- schema: sums
--| id integer
--| price decimal(10,2)
--| revenue decimal(21,2)
--| half double
--| whole long
--| rest integer
--| rounded double
--| big long
-- result: sums
--| id | price | revenue | half | whole | rest | rounded | big
--| 1 | 19.99 | 59.97 | 1.5 | 1 | 1 | 20.0 | 9007199254740993
--| 2 | 0.01 | -0.07 | -3.5 | -3 | -1 | 0.0 | -1
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL
-- result: total
--| total | avg
--| 20.00 | 10.000000
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE prices (id INT, price DECIMAL(10, 2), qty INT, big BIGINT)
  STORED AS JSON LOCATION '${landing}/prices';
CREATE OR REFRESH MATERIALIZED VIEW sums AS
SELECT id, price, price * qty AS revenue, qty / 2 AS half, div(qty, 2) AS whole, qty % 2 AS rest,
       round(CAST(price AS DOUBLE)) AS rounded, big
FROM prices;
CREATE OR REFRESH MATERIALIZED VIEW total AS
SELECT sum(price) AS total, avg(price) AS avg FROM prices;
