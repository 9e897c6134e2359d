-- error: E0512
-- at: 12:48
-- message: newer writer
-- error: E0512
-- message: must be a whole number above 0
-- file: events/a.json
--| {"user_id": "a"}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (user_id STRING) STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW t
TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.checkpointInterval' = '0', 'quality' = 'gold')
AS SELECT user_id FROM events;
