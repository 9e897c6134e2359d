-- file: events/a.json
--| {"id": 1, "ts": "2024-05-31T22:30:15.123456+02:00", "day": "2024-02-29"}
--| {"id": 2, "ts": "2023-12-31", "day": "2023-12-31"}
--| {"id": 3, "ts": null, "day": null}
-- result: days
--| id | next_month | last | plus | minus | days | ts_plus
--| 1 | 2024-03-29 | 2024-02-29 | 2024-03-03 | 2024-02-28 | 59 | 2024-06-01T22:30:15.123456Z
--| 2 | 2024-01-31 | 2023-12-31 | 2024-01-03 | 2023-12-30 | -1 | 2024-01-01T02:00:00Z
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, ts TIMESTAMP, day DATE)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW days AS
SELECT id,
       add_months(day, 1)                 AS next_month,
       last_day(day)                      AS last,
       date_add(day, 3)                   AS plus,
       date_sub(day, 1)                   AS minus,
       datediff(day, DATE '2024-01-01')   AS days,
       ts + INTERVAL '1 day 2 hours'      AS ts_plus
FROM events;
