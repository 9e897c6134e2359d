-- file: events/a.json
--| 
-- fails: invalid
-- message: no file of the source has a record
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE MATERIALIZED VIEW ids AS SELECT * FROM json.`${landing}/events`;
