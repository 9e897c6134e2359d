-- file: t/a.json
--| {"id": 1, "s": "", "x": "NaN", "d": "-0.50", "b": true, "at": "1969-12-31T23:59:59.999999Z", "day": "0001-01-01"}
--| {"id": 2, "s": "__HIVE_DEFAULT_PARTITION__", "x": "Infinity", "d": "99999999999999999999999999999999999.99", "b": false, "at": "9999-12-31T23:59:59.999999Z", "day": "9999-12-31"}
--| {"id": 3, "s": "%41#?", "x": "1e300", "d": "0.10", "b": null, "at": null, "day": null}
--| {"id": 4, "s": null, "x": "-0.1", "d": null, "b": true, "at": "2024-01-01T00:00:00Z", "day": "1582-10-04"}
--| {"id": 5, "s": " ü ", "x": null, "d": "1.00", "b": true, "at": "2024-01-01T00:00:00.5Z", "day": "2024-02-29"}
-- result: read_s
--| id | s
--| 1 | NULL
--| 2 | __HIVE_DEFAULT_PARTITION__
--| 3 | %41#?
--| 4 | NULL
--| 5 |  ü 
-- result: read_others
--| id | x | d | b | at | day
--| 1 | NaN | -0.50 | true | 1969-12-31T23:59:59.999999Z | 0001-01-01
--| 2 | inf | 99999999999999999999999999999999999.99 | false | 9999-12-31T23:59:59.999999Z | 9999-12-31
--| 3 | 1e300 | 0.10 | NULL | NULL | NULL
--| 4 | -0.1 | NULL | true | 2024-01-01T00:00:00Z | 1582-10-04
--| 5 | NULL | 1.00 | true | 2024-01-01T00:00:00.500Z | 2024-02-29
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (
  id INT, s STRING, x STRING, d DECIMAL(38, 2), b BOOLEAN, at TIMESTAMP, day DATE)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW by_s PARTITIONED BY (s) AS SELECT id, s FROM t;
CREATE OR REFRESH MATERIALIZED VIEW by_others PARTITIONED BY (x, d, b, at, day) AS
SELECT id, CAST(x AS DOUBLE) AS x, d, b, at, day FROM t;
-- A dataset that reads another one sees what readers of its table see.
CREATE OR REFRESH MATERIALIZED VIEW read_s AS SELECT id, s FROM by_s;
CREATE OR REFRESH MATERIALIZED VIEW read_others AS SELECT id, x, d, b, at, day FROM by_others;
