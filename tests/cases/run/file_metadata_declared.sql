-- file: events/a.json
--| {"id": 1, "_metadata": {"version": 3}}
-- result: declared
--| id | version
--| 1 | 3
-- result: of_star
--| version
--| 3
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- A column of the source hides that of the files, as in Spark.
CREATE EXTERNAL TABLE events (id INT, _metadata STRUCT<version: INT>)
  STORED AS JSON LOCATION '${landing}/events';
CREATE MATERIALIZED VIEW declared AS SELECT id, _metadata.version FROM events;
CREATE MATERIALIZED VIEW of_star AS SELECT s._metadata.version FROM (SELECT * FROM events) AS s;
