-- file: events/a.json
--| {"id": 1, "ts": "2024-05-31T22:30:15.123456+02:00", "day": "2024-02-29"}
--| {"id": 2, "ts": "2023-12-31", "day": "2023-12-31"}
--| {"id": 3, "ts": null, "day": null}
-- schema: parts
--| id integer
--| y integer
--| q integer
--| m integer
--| d integer
--| h integer
--| min integer
--| s integer
--| dow integer
--| doy integer
--| week integer
-- result: parts
--| id | y | q | m | d | h | min | s | dow | doy | week
--| 1 | 2024 | 2 | 5 | 31 | 20 | 30 | 15 | 6 | 60 | 9
--| 2 | 2023 | 4 | 12 | 31 | 0 | 0 | 0 | 1 | 365 | 52
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
-- result: by_month
--| month | n
--| 5 | 1
--| 12 | 1
--| NULL | 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, ts TIMESTAMP, day DATE)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW parts AS
SELECT id, year(ts) AS y, quarter(ts) AS q, month(ts) AS m, day(ts) AS d,
       hour(ts) AS h, minute(ts) AS min, second(ts) AS s,
       dayofweek(ts) AS dow, dayofyear(day) AS doy, weekofyear(day) AS week
FROM events;
CREATE OR REFRESH MATERIALIZED VIEW by_month AS
SELECT month(ts) AS month, count(*) AS n FROM events GROUP BY month(ts);
