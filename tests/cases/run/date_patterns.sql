-- file: events/a.json
--| {"id": 1, "text": "31.05.2024", "at": "2024-05-31 20:15:00", "ts": "2024-05-31T20:15:00Z"}
--| {"id": 2, "text": null, "at": null, "ts": null}
-- result: parsed
--| id | day | iso | at | spark | month
--| 1 | 2024-05-31 | 2024-05-31 | 2024-05-31T20:15:00Z | 31/05/2024 20:15 | 2024-05
--| 2 | NULL | NULL | NULL | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, text STRING, at STRING, ts TIMESTAMP)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW parsed AS
SELECT id,
       to_date(text, 'dd.MM.yyyy')             AS day,
       to_date(split_part(at, ' ', 1))         AS iso,
       to_timestamp(at, 'yyyy-MM-dd HH:mm:ss') AS at,
       date_format(ts, 'dd/MM/yyyy HH:mm')     AS spark,
       date_format(ts, 'yyyy-MM')              AS month
FROM events;
