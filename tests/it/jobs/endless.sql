-- One table that is written at once, and one that would take hours: pairs of
-- all events, looked at one by one, in plain work that a cancel must end.

DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold    STRING;

CREATE EXTERNAL TABLE events (event_id STRING, user_id STRING)
STORED AS JSON
LOCATION '${landing}/user_events'
OPTIONS ('mode' 'dropmalformed');

CREATE OR REFRESH MATERIALIZED VIEW written AS
SELECT event_id, user_id FROM events;

CREATE OR REFRESH MATERIALIZED VIEW endless AS
SELECT count(*) AS pairs
FROM events AS a
JOIN events AS b ON length(concat(a.event_id, b.event_id, a.user_id)) < length(b.user_id);
