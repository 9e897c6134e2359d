-- file: events/a.json
--| {"id": 1, "day": "2024-03-31"}
--| {"id": 2, "day": "2024-03-31"}
--| {"id": 3, "day": "2024-03-30"}
--| {"id": 4, "day": "2024-03-30"}
--| {"id": 5}
--| {"id": 6, "day": "2024-01-31"}
--| {"id": 7, "day": "2024-01-31"}
--| {"id": 8}
-- result: shifted
--| id | later | later_by_one | earlier
--| 1 | 2024-03-30 | 2024-03-31 | NULL
--| 2 | 2024-03-30 | 2024-03-30 | NULL
--| 3 | 2024-01-31 | 2024-03-30 | 2024-03-31
--| 4 | 2024-01-31 | 2024-01-31 | 2024-03-31
--| 5 | 2024-01-31 | 2024-01-31 | 2024-03-30
--| 6 | NULL | 2024-01-31 | 2024-03-30
--| 7 | NULL | NULL | 2024-03-30
--| 8 | NULL | NULL | 2024-01-31
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id BIGINT, day DATE) STORED AS JSON LOCATION '${landing}/events';
CREATE MATERIALIZED VIEW shifted AS
SELECT id, lead(day, 2) IGNORE NULLS OVER (ORDER BY id) AS later,
       lead(day) IGNORE NULLS OVER (ORDER BY id) AS later_by_one,
       lag(day, 2) IGNORE NULLS OVER (ORDER BY id) AS earlier
FROM events;
