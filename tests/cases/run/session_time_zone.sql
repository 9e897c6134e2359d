-- file: events/a.json
--| {"id": 1, "at": "2024-07-15 23:30:00"}
--| {"id": 2, "at": "2024-07-15T23:30:00Z"}
--| {"id": 3, "at": "2024-01-15"}
-- file: tokyo/a.csv
--| 1,2024-07-15 08:00:00
-- result: rows
--| id | at | day | text | later
--| 1 | 2024-07-15T21:30:00Z | 2024-07-15 | 2024-07-15 23:30:00 | 2024-12-15T22:30:00Z
--| 2 | 2024-07-15T23:30:00Z | 2024-07-16 | 2024-07-16 01:30:00 | 2024-12-16T00:30:00Z
--| 3 | 2024-01-14T23:00:00Z | 2024-01-15 | 2024-01-15 00:00:00 | 2024-06-14T22:00:00Z
-- result: elsewhere
--| id | at | same
--| 1 | 2024-07-14T23:00:00Z | true
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE since TIMESTAMP DEFAULT '2024-07-15 01:00:00';
-- The zone of the session: of times without zone in files and in texts, of the days of
-- timestamps, and of their text. A source may have a zone of its own.
SET spark.sql.session.timeZone = 'Europe/Berlin';
CREATE EXTERNAL TABLE events (id INT, at TIMESTAMP) STORED AS JSON LOCATION '${landing}/events';
CREATE EXTERNAL TABLE tokyo (id INT, at TIMESTAMP)
  STORED AS CSV LOCATION '${landing}/tokyo' OPTIONS ('timeZone' 'Asia/Tokyo');
CREATE OR REFRESH MATERIALIZED VIEW rows AS
SELECT id, at, CAST(at AS DATE) AS day, CAST(at AS STRING) AS text, at + INTERVAL 5 MONTHS AS later
FROM events;
CREATE OR REFRESH MATERIALIZED VIEW elsewhere AS
SELECT id, at, at = since AS same FROM tokyo;
