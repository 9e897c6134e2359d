-- fails: execution
-- message: the index 2 is outside an array of 2 elements
-- file: users/a.json
--| {"id": 1, "tags": ["x", "y"]}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE users (id INT, tags ARRAY<STRING>) STORED AS JSON LOCATION '${landing}/users';
CREATE OR REFRESH MATERIALIZED VIEW elements AS SELECT id, tags[2] AS tag FROM users;
