-- One table that is written at once, and one that would take days: triples of
-- events of the same type. A cancel must stop it while it runs.

DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold    STRING;

CREATE EXTERNAL TABLE events (event_id STRING, event_type STRING)
STORED AS JSON
LOCATION '${landing}/user_events'
OPTIONS ('mode' 'dropmalformed');

CREATE OR REFRESH MATERIALIZED VIEW written AS
SELECT event_id, event_type FROM events;

CREATE OR REFRESH MATERIALIZED VIEW endless AS
SELECT count(*) AS triples
FROM events AS a
JOIN events AS b ON a.event_type = b.event_type
JOIN events AS c ON a.event_type = c.event_type;
