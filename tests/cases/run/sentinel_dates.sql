-- file: t/a.json
--| {"id": 1, "ts": "2024-05-06T07:08:09Z", "d": "2024-05-06"}
--| {"id": 2, "ts": "9999-12-31T00:00:00Z", "d": "9999-12-31"}
--| {"id": 3, "ts": "0001-01-01T00:00:00Z", "d": "0001-01-01"}
-- result: functions
--| id | m | y | f | p | u | n | z | l
--| 1 | 2024-05-01T00:00:00Z | 2024-01-01 | 20240506 | 2024-05-06 | 1714979289 | 0 | 2024-05-06T08:08:09Z | 2024-05-31
--| 2 | 9999-12-01T00:00:00Z | 9999-01-01 | 99991231 | 9999-12-31 | 253402214400 | 2913047 | 9999-12-31T01:00:00Z | 9999-12-31
--| 3 | 0001-01-01T00:00:00Z | 0001-01-01 | 00010101 | 0001-01-01 | -62135596800 | -739011 | 0001-01-01T01:00:00Z | 0001-01-31
-- result: operators
--| id | same | past | never | always | c | back | day
--| 1 | false | true | false | false | 2024-05-06T07:08:09Z | true | 2024-05-06
--| 2 | true | false | true | false | 9999-12-31T00:00:00Z | true | 9999-12-31
--| 3 | true | true | false | true | 0001-01-01T00:00:00Z | true | 0001-01-01
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, ts TIMESTAMP, d DATE) STORED AS JSON LOCATION '${landing}/t';
-- The first and the last year stand for "always" and "never" in many tables.
CREATE OR REFRESH MATERIALIZED VIEW functions AS
SELECT id, date_trunc('month', ts) AS m, trunc(d, 'YEAR') AS y, date_format(ts, 'yyyyMMdd') AS f,
       to_date(date_format(d, 'dd.MM.yyyy'), 'dd.MM.yyyy') AS p, unix_timestamp(ts) AS u,
       datediff(d, '2024-05-06') AS n, from_utc_timestamp(ts, 'GMT+1') AS z, last_day(d) AS l
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW operators AS
SELECT id, ts = d AS same, ts < now() AS past, ts >= '9999-12-31' AS never, d BETWEEN '0001-01-01' AND '0001-12-31' AS always,
       coalesce(ts, d) AS c, CAST(CAST(ts AS STRING) AS TIMESTAMP) = ts AS back, CAST(ts AS DATE) AS day
FROM t;
