-- error: E0501
-- at: 19:8
-- message: no column `_metadata
-- message: sources have `_metadata`
-- error: E0501
-- message: file_block_start
-- error: E0509
-- at: 23:13
-- message: over several sources
-- message: list the columns
-- file: events/a.json
--| {"id": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT) STORED AS JSON LOCATION '${landing}/events';
CREATE EXTERNAL TABLE others (id INT) STORED AS JSON LOCATION '${landing}/events';
CREATE TEMPORARY VIEW v AS SELECT id FROM events;
CREATE MATERIALIZED VIEW of_view AS
SELECT _metadata.file_name FROM v;
CREATE MATERIALIZED VIEW of_block AS
SELECT _metadata.file_block_start FROM events;
CREATE MATERIALIZED VIEW of_both AS
SELECT *, e._metadata.line AS a, o._metadata.line AS b FROM events AS e JOIN others AS o ON o.id = e.id;
