-- file: events/a.json
--| {"b": 1}
--| {"b": nope, "z": 2}
--| not json
-- malformed: broken=2
-- result: kept
--| _corrupt_record | b
--| NULL | 1
--| {"b": nope, "z": 2} | NULL
--| not json | NULL
-- result: dropped
--| b
--| 1
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- As in Spark, a source with broken lines has a column for them.
CREATE TABLE broken USING json LOCATION '${landing}/events';
CREATE MATERIALIZED VIEW kept AS SELECT * FROM broken;
CREATE MATERIALIZED VIEW dropped AS
SELECT * EXCEPT (_rescued_data) FROM read_files('${landing}/events', format => 'json', mode => 'dropmalformed');
