-- file: events/a.json
--| {"day": "2024-01-01", "landing": "no harm"}
-- fails: invalid
-- message: queries name the variable `day`
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
DECLARE VARIABLE day DATE DEFAULT DATE '2024-01-01';
-- Spark would take the column, without a word.
CREATE MATERIALIZED VIEW ids AS SELECT * FROM json.`${landing}/events` WHERE day > '2023-01-01';
