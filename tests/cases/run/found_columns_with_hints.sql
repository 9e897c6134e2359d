-- file: events/a.json
--| {"id": 1, "day": "2024-01-01", "x": 1.5}
--| {"id": "two", "day": "soon", "x": 2}
-- schema: hinted
--| day date
--| id long
--| x decimal(9,2)
--| later array<string>
--| _rescued_data string
-- result: hinted
--| day | id | x | later | _rescued_data
--| 2024-01-01 | 1 | 1.50 | NULL | NULL
--| NULL | NULL | 2.00 | NULL | {"id":"two","day":"soon"}
-- result: texts
--| day | id | x
--| 2024-01-01 | 1 | 1.5
--| soon | two | 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- Hints are types whatever the files hold.
CREATE MATERIALIZED VIEW hinted AS
SELECT * REPLACE (regexp_replace(_rescued_data, ',"_file_path.*', '}') AS _rescued_data)
FROM read_files('${landing}/events', format => 'json',
                schemaHints => 'id BIGINT, day DATE, x DECIMAL(9, 2), later ARRAY<STRING>');
CREATE MATERIALIZED VIEW texts AS
SELECT * EXCEPT (_rescued_data)
FROM read_files('${landing}/events', format => 'json', inferColumnTypes => false);
