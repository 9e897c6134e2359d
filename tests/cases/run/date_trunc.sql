-- file: events/a.json
--| {"id": 1, "ts": "2024-05-31T22:30:15.123456+02:00", "day": "2024-02-29"}
--| {"id": 2, "ts": "2023-12-31", "day": "2023-12-31"}
--| {"id": 3, "ts": null, "day": null}
-- result: months
--| id | month | hour | month_day
--| 1 | 2024-05-01T00:00:00Z | 2024-05-31T20:00:00Z | 2024-02-01
--| 2 | 2023-12-01T00:00:00Z | 2023-12-31T00:00:00Z | 2023-12-01
--| 3 | NULL | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, ts TIMESTAMP, day DATE)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW months AS
SELECT id,
       date_trunc('month', ts) AS month,
       date_trunc('hour', ts)  AS hour,
       trunc(day, 'MM')        AS month_day
FROM events;
