-- file: t/a.json
--| {"id": 1, "at": "2024-05-31T20:15:00.125+02:00", "day": "31.05.2024", "n": 1500}
--| {"id": 2, "at": "2024-05-31 20:15:00", "day": "01.06.2024", "n": -1}
--| {"id": 3}
-- result: parsed
--| id | s | ms | us | ns | day | of_seconds | of_millis | of_micros | of_nanos
--| 1 | 2024-05-31T18:15:00Z | 2024-05-31T18:15:00.125Z | 2024-05-31T18:15:00.125Z | 2024-05-31T18:15:00.125Z | 2024-05-31T00:00:00Z | 1970-01-01T00:25:00Z | 1970-01-01T00:00:01.500Z | 1970-01-01T00:00:00.001500Z | 1970-01-01T00:00:00.000001Z
--| 2 | 2024-05-31T20:15:00Z | 2024-05-31T20:15:00Z | 2024-05-31T20:15:00Z | 2024-05-31T20:15:00Z | 2024-06-01T00:00:00Z | 1969-12-31T23:59:59Z | 1969-12-31T23:59:59.999Z | 1969-12-31T23:59:59.999999Z | 1970-01-01T00:00:00Z
--| 3 | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, at STRING, day STRING, n BIGINT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW parsed AS
SELECT id,
       to_timestamp_seconds(at)                AS s,
       to_timestamp_millis(at)                 AS ms,
       to_timestamp_micros(at)                 AS us,
       to_timestamp_nanos(at)                  AS ns,
       to_timestamp_seconds(day, 'dd.MM.yyyy') AS day,
       to_timestamp_seconds(n)                 AS of_seconds,
       to_timestamp_millis(n)                  AS of_millis,
       to_timestamp_micros(n)                  AS of_micros,
       to_timestamp_nanos(n)                   AS of_nanos
FROM t;
