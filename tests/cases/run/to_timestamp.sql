-- file: t/a.json
--| {"id": 1, "at": "2024-05-31T20:15:00.5+02:00", "day": "31.05.2024", "exact": "31.05.2024 20:15:00.125", "n": 60}
--| {"id": 2, "at": "2024-05-31 20:15:00", "day": "01.06.2024", "exact": "01.06.2024 00:00:00.000", "n": 0}
--| {"id": 3}
-- result: parsed
--| id | at | day | exact | n | fixed
--| 1 | 2024-05-31T18:15:00.500Z | 2024-05-31T00:00:00Z | 2024-05-31T20:15:00.125Z | 1970-01-01T00:01:00Z | 2024-05-31T18:15:00Z
--| 2 | 2024-05-31T20:15:00Z | 2024-06-01T00:00:00Z | 2024-06-01T00:00:00Z | 1970-01-01T00:00:00Z | 2024-05-31T18:15:00Z
--| 3 | NULL | NULL | NULL | NULL | 2024-05-31T18:15:00Z
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, at STRING, day STRING, exact STRING, n INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW parsed AS
SELECT id,
       to_timestamp(at)                                AS at,
       to_timestamp(day, 'dd.MM.yyyy')                 AS day,
       to_timestamp(exact, 'dd.MM.yyyy HH:mm:ss.SSS')  AS exact,
       to_timestamp(n)                                 AS n,
       to_timestamp('2024-05-31T20:15:00+02:00')       AS fixed
FROM t;
