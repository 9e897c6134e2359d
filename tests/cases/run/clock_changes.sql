-- file: t/a.json
--| {"z": "2024-03-31T01:00:00Z"}
--| {"z": "2024-03-31T02:30:00Z"}
--| {"z": "2024-10-27T02:30:00Z"}
--| {"z": "2150-07-01T12:00:00Z"}
-- result: x
--| z | utc | rome
--| 2024-03-31T01:00:00Z | 2024-03-31T00:00:00Z | 2024-03-31T03:00:00Z
--| 2024-03-31T02:30:00Z | 2024-03-31T01:30:00Z | 2024-03-31T04:30:00Z
--| 2024-10-27T02:30:00Z | 2024-10-27T00:30:00Z | 2024-10-27T03:30:00Z
--| 2150-07-01T12:00:00Z | 2150-07-01T10:00:00Z | 2150-07-01T14:00:00Z
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (z TIMESTAMP) STORED AS JSON LOCATION '${landing}/t';
-- A local time that the clocks skip is later by the gap; one that they show
-- twice is the first.
CREATE OR REFRESH MATERIALIZED VIEW x AS
SELECT z, to_utc_timestamp(z, 'Europe/Rome') AS utc, from_utc_timestamp(z, 'Europe/Rome') AS rome FROM t;
