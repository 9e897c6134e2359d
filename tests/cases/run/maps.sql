-- file: users/a.json
--| {"id": 1, "props": {"plan": "pro", "seats": "3"}}
--| {"id": 2, "props": {}}
--| {"id": 3, "props": null}
-- result: props
--| id | plan | keys | n
--| 1 | pro | [plan, seats] | 2
--| 2 | NULL | [] | 0
--| 3 | NULL | NULL | NULL
-- result: pairs
--| id | key | value
--| 1 | plan | pro
--| 1 | seats | 3
-- result: kept
--| id | props
--| 1 | {plan: pro, seats: 3}
--| 2 | {}
--| 3 | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE users (id INT, props MAP<STRING, STRING>)
  STORED AS JSON LOCATION '${landing}/users';
CREATE OR REFRESH MATERIALIZED VIEW props AS
SELECT id, props['plan'] AS plan, map_keys(props) AS keys, cardinality(props) AS n FROM users;
CREATE OR REFRESH MATERIALIZED VIEW pairs AS
SELECT id, e.key, e.value FROM (SELECT id, unnest(map_entries(props)) AS e FROM users);
CREATE OR REFRESH MATERIALIZED VIEW kept AS
SELECT id, props FROM users;
