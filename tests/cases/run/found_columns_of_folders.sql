-- file: events/day=2024-01-01/n=1/a.json
--| {"id": 1}
-- file: events/day=2024-01-02/n=x/a.json
--| {"id": 2}
-- schema: of_folders
--| id long
--| day date
--| n string
-- result: of_folders
--| id | day | n
--| 1 | 2024-01-01 | 1
--| 2 | 2024-01-02 | x
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE MATERIALIZED VIEW of_folders AS SELECT * FROM json.`${landing}/events`;
