-- file: sales/a.json
--| {"item": 3, "day": 2, "ship_day": 17, "household": 3, "number": 1, "quantity": 3}
--| {"item": 1, "day": 9, "ship_day": 8, "household": 2, "number": 2, "quantity": 3}
--| {"item": 2, "day": 1, "ship_day": 7, "household": 2, "number": 3, "quantity": null}
--| {"item": 1, "day": 2, "ship_day": 7, "household": 3, "number": 4, "quantity": null}
--| {"item": 1, "day": 9, "ship_day": 8, "household": 1, "number": 5, "quantity": 3}
--| {"item": 4, "day": 1, "ship_day": 12, "household": 1, "number": 6, "quantity": 10}
--| {"item": 3, "day": 8, "ship_day": 9, "household": 3, "number": 7, "quantity": 3}
--| {"item": 3, "day": 9, "ship_day": 10, "household": 1, "number": 8, "quantity": 10}
--| {"item": 3, "day": 1, "ship_day": 7, "household": 3, "number": 9, "quantity": 3}
--| {"item": 2, "day": 8, "ship_day": 18, "household": 2, "number": 10, "quantity": null}
--| {"item": 4, "day": 3, "ship_day": 14, "household": 1, "number": 11, "quantity": 10}
--| {"item": 2, "day": 1, "ship_day": 14, "household": 3, "number": 12, "quantity": null}
-- file: stock/a.json
--| {"item": 1, "day": 1, "warehouse": 2, "quantity": 50}
--| {"item": 1, "day": 8, "warehouse": 2, "quantity": 2}
--| {"item": 1, "day": 15, "warehouse": 1, "quantity": 50}
--| {"item": 2, "day": 1, "warehouse": 1, "quantity": 20}
--| {"item": 2, "day": 8, "warehouse": 1, "quantity": 50}
--| {"item": 2, "day": 15, "warehouse": 2, "quantity": 2}
--| {"item": 3, "day": 1, "warehouse": 1, "quantity": 20}
--| {"item": 3, "day": 8, "warehouse": 2, "quantity": 20}
--| {"item": 3, "day": 15, "warehouse": 2, "quantity": 50}
--| {"item": 4, "day": 1, "warehouse": 1, "quantity": 2}
--| {"item": 4, "day": 8, "warehouse": 2, "quantity": 50}
--| {"item": 4, "day": 15, "warehouse": 1, "quantity": 2}
-- file: days/a.json
--| {"day": 1, "week": 1, "year": 2000, "date": "2000-01-01"}
--| {"day": 2, "week": 1, "year": 2000, "date": "2000-01-02"}
--| {"day": 3, "week": 1, "year": 2000, "date": "2000-01-03"}
--| {"day": 4, "week": 1, "year": 2000, "date": "2000-01-04"}
--| {"day": 5, "week": 1, "year": 2000, "date": "2000-01-05"}
--| {"day": 6, "week": 1, "year": 2000, "date": "2000-01-06"}
--| {"day": 7, "week": 1, "year": 2000, "date": "2000-01-07"}
--| {"day": 8, "week": 2, "year": 2000, "date": "2000-01-08"}
--| {"day": 9, "week": 2, "year": 2000, "date": "2000-01-09"}
--| {"day": 10, "week": 2, "year": 2000, "date": "2000-01-10"}
--| {"day": 11, "week": 2, "year": 2000, "date": "2000-01-11"}
--| {"day": 12, "week": 2, "year": 2000, "date": "2000-01-12"}
--| {"day": 13, "week": 2, "year": 2000, "date": "2000-01-13"}
--| {"day": 14, "week": 2, "year": 2000, "date": "2000-01-14"}
--| {"day": 15, "week": 3, "year": 2001, "date": "2000-01-15"}
--| {"day": 16, "week": 3, "year": 2001, "date": "2000-01-16"}
--| {"day": 17, "week": 3, "year": 2001, "date": "2000-01-17"}
--| {"day": 18, "week": 3, "year": 2001, "date": "2000-01-18"}
--| {"day": 19, "week": 3, "year": 2001, "date": "2000-01-19"}
--| {"day": 20, "week": 3, "year": 2001, "date": "2000-01-20"}
--| {"day": 21, "week": 3, "year": 2001, "date": "2000-01-21"}
-- file: households/a.json
--| {"household": 1, "kind": "high"}
--| {"household": 2, "kind": "low"}
--| {"household": 3, "kind": "high"}
-- file: warehouses/a.json
--| {"warehouse": 1, "name": "north"}
--| {"warehouse": 2, "name": "south"}
-- file: returns/a.json
--| {"item": 3, "number": 1, "reason": "a"}
--| {"item": 1, "number": 4, "reason": "b"}
--| {"item": 1, "number": 4, "reason": "c"}
--| {"item": 3, "number": 8, "reason": "d"}
-- result: q72
--| item | name | week | kept | total
--| 4 | north | 1 | 2 | 2
-- result: every_column
--| day | week | year | date | number | quantity | sold | stock_week
--| 1 | 1 | 2000 | 2000-01-01 | 3 | 20 | NULL | 1
--| 8 | 2 | 2000 | 2000-01-08 | 10 | 50 | NULL | 2
--| 9 | 2 | 2000 | 2000-01-09 | 2 | 2 | 3 | 2
-- result: same_names_inside
--| number | a_week | b_week
--| 1 | 1 | 1
--| 1 | 1 | 2
--| 1 | 1 | 3
--| 11 | 1 | 1
--| 11 | 1 | 1
--| 11 | 1 | 2
--| 11 | 1 | 2
--| 11 | 1 | 3
--| 11 | 1 | 3
--| 12 | 1 | 1
--| 12 | 1 | 1
--| 12 | 1 | 2
--| 12 | 1 | 2
--| 12 | 1 | 3
--| 12 | 1 | 3
--| 3 | 1 | 1
--| 3 | 1 | 1
--| 3 | 1 | 2
--| 3 | 1 | 2
--| 3 | 1 | 3
--| 3 | 1 | 3
--| 4 | 1 | 1
--| 4 | 1 | 2
--| 4 | 1 | 3
--| 6 | 1 | 1
--| 6 | 1 | 1
--| 6 | 1 | 2
--| 6 | 1 | 2
--| 6 | 1 | 3
--| 6 | 1 | 3
--| 9 | 1 | 1
--| 9 | 1 | 2
--| 9 | 1 | 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE sales (item INT, day INT, ship_day INT, household INT, number INT, quantity INT)
  STORED AS JSON LOCATION '${landing}/sales';
CREATE EXTERNAL TABLE stock (item INT, day INT, warehouse INT, quantity INT)
  STORED AS JSON LOCATION '${landing}/stock';
CREATE EXTERNAL TABLE days (day INT, week INT, year INT, date DATE)
  STORED AS JSON LOCATION '${landing}/days';
CREATE EXTERNAL TABLE households (household INT, kind STRING)
  STORED AS JSON LOCATION '${landing}/households';
CREATE EXTERNAL TABLE warehouses (warehouse INT, name STRING)
  STORED AS JSON LOCATION '${landing}/warehouses';
CREATE EXTERNAL TABLE returns (item INT, number INT, reason STRING)
  STORED AS JSON LOCATION '${landing}/returns';
CREATE OR REFRESH MATERIALIZED VIEW q72 AS
SELECT s.item, w.name, d1.week,
       sum(CASE WHEN r.reason IS NULL THEN 1 ELSE 0 END) AS kept,
       count(*) AS total
FROM sales s
JOIN stock i ON s.item = i.item
JOIN warehouses w ON w.warehouse = i.warehouse
JOIN households h ON s.household = h.household
JOIN days d1 ON s.day = d1.day
JOIN days d2 ON i.day = d2.day
JOIN days d3 ON s.ship_day = d3.day
LEFT JOIN returns r ON r.item = s.item AND r.number = s.number
WHERE d1.week = d2.week AND i.quantity < s.quantity AND d3.date > d1.date + 5
  AND h.kind = 'high' AND d1.year = 2000
GROUP BY s.item, w.name, d1.week;
CREATE OR REFRESH MATERIALIZED VIEW every_column AS
SELECT d1.*, s.number, i.quantity, s.quantity AS sold, d2.week AS stock_week
FROM stock i, days d2, sales s, days d1, households h
WHERE s.item = i.item AND i.day = d2.day AND s.day = d1.day AND h.household = s.household
  AND d1.week = d2.week AND h.kind = 'low';
CREATE OR REFRESH MATERIALIZED VIEW same_names_inside AS
SELECT a.number, a.week AS a_week, b.week AS b_week
FROM (SELECT s.number, s.item, d.week FROM stock i JOIN sales s ON s.item = i.item JOIN days d ON d.day = s.day
      WHERE i.warehouse = 1) a
JOIN (SELECT s.number, s.item, d.week FROM stock i JOIN sales s ON s.item = i.item JOIN days d ON d.day = i.day
      WHERE s.day < 8) b ON a.item = b.item AND a.number = b.number;
