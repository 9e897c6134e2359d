-- file: events/a.json
--| {"id": 1, "ts": "2024-05-31T22:30:00+02:00", "local": "2024-05-31T22:30:00.5"}
--| {"id": 2, "ts": "2024-01-01T00:30:00.123456789Z", "local": "2024-01-01"}
--| {"id": 3, "ts": "2024-01-01 00:30 Europe/Rome", "local": null}
-- result: zones
--| id | utc_day | rome_clock | rome_day | back | local
--| 1 | 2024-05-31 | 2024-05-31T22:30:00Z | 2024-05-31 | 2024-05-31T20:30:00Z | 2024-05-31T22:30:00.500Z
--| 2 | 2024-01-01 | 2024-01-01T01:30:00.123456Z | 2024-01-01 | 2024-01-01T00:30:00.123456Z | 2024-01-01T00:00:00Z
--| 3 | 2023-12-31 | 2024-01-01T00:30:00Z | 2024-01-01 | 2023-12-31T23:30:00Z | NULL
-- schema: zones
--| id integer
--| utc_day date
--| rome_clock timestamp
--| rome_day date
--| back timestamp
--| local timestamp
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, ts TIMESTAMP, local TIMESTAMP)
  STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW zones AS
SELECT id,
       CAST(ts AS DATE)                                        AS utc_day,
       from_utc_timestamp(ts, 'Europe/Rome')                   AS rome_clock,
       CAST(from_utc_timestamp(ts, 'Europe/Rome') AS DATE)     AS rome_day,
       to_utc_timestamp(from_utc_timestamp(ts, 'Europe/Rome'), 'Europe/Rome') AS back,
       local
FROM events;
