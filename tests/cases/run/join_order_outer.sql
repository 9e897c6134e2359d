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
-- result: outer_joins
--| number | reason | week | name
--| 1 | a | 1 | NULL
--| 11 | NULL | 1 | NULL
--| 12 | NULL | 1 | north
--| 4 | b | 1 | NULL
--| 4 | c | 1 | NULL
--| 5 | NULL | 2 | NULL
--| 6 | NULL | 1 | north
--| 7 | NULL | 2 | south
--| 8 | d | 2 | NULL
--| 9 | NULL | 1 | north
-- result: not_returned
--| number | week
--| 11 | 1
--| 12 | 1
--| 5 | 2
--| 6 | 1
--| 7 | 2
--| 9 | 1
-- result: semi_and_anti
--| number | quantity
--| 1 | 20
-- result: not_in
--| number | quantity
--| 10 | 20
--| 10 | 50
--| 11 | 50
--| 12 | 20
--| 12 | 50
--| 2 | 50
--| 2 | 50
--| 3 | 20
--| 3 | 50
--| 5 | 50
--| 5 | 50
--| 6 | 50
--| 7 | 20
--| 7 | 20
--| 7 | 50
--| 9 | 20
--| 9 | 20
--| 9 | 50
-- result: right_join
--| number | day | kind
--| 1 | 2 | high
--| 10 | 8 | low
--| 11 | 3 | high
--| 12 | 1 | high
--| 2 | 9 | low
--| 3 | 1 | low
--| 4 | 2 | high
--| 5 | 9 | high
--| 6 | 1 | high
--| 7 | 8 | high
--| 8 | 9 | high
--| 9 | 1 | high
--| NULL | 10 | NULL
--| NULL | 11 | NULL
--| NULL | 12 | NULL
--| NULL | 13 | NULL
--| NULL | 14 | NULL
--| NULL | 4 | NULL
--| NULL | 5 | NULL
--| NULL | 6 | NULL
--| NULL | 7 | NULL
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
CREATE OR REFRESH MATERIALIZED VIEW outer_joins AS
SELECT s.number, r.reason, d.week, w.name
FROM sales s
LEFT JOIN returns r ON r.number = s.number AND r.item = s.item
JOIN days d ON s.day = d.day
LEFT JOIN stock i ON i.item = s.item AND i.day = d.day
LEFT JOIN warehouses w ON w.warehouse = i.warehouse
JOIN households h ON h.household = s.household
WHERE h.kind = 'high' AND d.year = 2000;
CREATE OR REFRESH MATERIALIZED VIEW not_returned AS
SELECT s.number, d.week
FROM sales s
LEFT JOIN returns r ON r.number = s.number
JOIN days d ON s.day = d.day
JOIN households h ON h.household = s.household
WHERE r.reason IS NULL AND h.kind = 'high';
CREATE OR REFRESH MATERIALIZED VIEW semi_and_anti AS
SELECT s.number, i.quantity
FROM stock i
JOIN sales s ON s.item = i.item
JOIN days d ON d.day = s.day AND d.week = 1
WHERE s.number IN (SELECT number FROM returns WHERE reason <> 'z')
   AND NOT EXISTS (SELECT 1 FROM stock x WHERE x.item = s.item AND x.quantity > 40 AND x.warehouse = i.warehouse);
CREATE OR REFRESH MATERIALIZED VIEW not_in AS
SELECT s.number, i.quantity
FROM stock i
JOIN sales s ON s.item = i.item
JOIN days d ON d.day = s.day
WHERE s.number NOT IN (SELECT number FROM returns) AND i.quantity > 2;
CREATE OR REFRESH MATERIALIZED VIEW right_join AS
SELECT s.number, d.day, h.kind
FROM households h
JOIN sales s ON h.household = s.household
RIGHT JOIN days d ON d.day = s.day
JOIN (SELECT DISTINCT week FROM days WHERE year = 2000) w ON w.week = d.week;
