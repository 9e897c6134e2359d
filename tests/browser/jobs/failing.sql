-- Fails on its data: an event id is no number.

DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold    STRING;
DECLARE VARIABLE api_password STRING DEFAULT '';

CREATE EXTERNAL TABLE events (event_id STRING, event_type STRING)
STORED AS JSON
LOCATION '${landing}/user_events'
OPTIONS ('mode' 'dropmalformed');

CREATE OR REFRESH MATERIALIZED VIEW numbers AS
SELECT CAST(event_id AS BIGINT) AS number FROM events;
