-- file: events/a.json
--| {"id": 1, "line": "7,\"a,b\",1.5,2024-05-31"}
--| {"id": 2, "line": "x,,,"}
--| {"id": 3}
-- result: parts
--| id | n | word | share | day | back
--| 1 | 7 | a,b | 1.5 | 2024-05-31 | 7,"a,b",1.5,2024-05-31
--| 2 | NULL | NULL | NULL | NULL | ,,,
--| 3 | NULL | NULL | NULL | NULL | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE events (id INT, line STRING) STORED AS JSON LOCATION '${landing}/events';
CREATE OR REFRESH MATERIALIZED VIEW parts AS
SELECT id, row.*, to_csv(row) AS back
FROM (SELECT id, from_csv(line, 'n INT, word STRING, share DOUBLE, day DATE') AS row FROM events);
