-- file: events/a.json
--| {"id": 1}
--| {"ID": 2}
-- fails: invalid
-- message: the fields `ID` and `id`
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE MATERIALIZED VIEW ids AS SELECT * FROM json.`${landing}/events`;
