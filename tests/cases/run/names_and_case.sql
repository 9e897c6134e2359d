-- file: t/a.json
--| {"userId": "u1", "Order Total": 5, "select": "kw"}
-- result: rows
--| user | total | select
--| u1 | 5 | kw
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (userId STRING, `Order Total` INT, `select` STRING)
  STORED AS JSON LOCATION '${landing}/t';
-- Keys of JSON are matched exactly; in queries names without quotes do not differ by case.
CREATE OR REFRESH MATERIALIZED VIEW rows AS
SELECT USERID AS user, `Order Total` AS total, `select` FROM t;
