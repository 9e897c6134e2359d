-- file: l/a.json
--| {"id": 1, "x": "a"}
--| {"id": 1, "x": "a"}
--| {"id": 2, "x": "b"}
--| {"id": null, "x": "n"}
-- file: r/a.json
--| {"id": 1, "y": 10}
--| {"id": 3, "y": 30}
--| {"id": null, "y": 0}
-- result: none
--| x
-- result: without_nulls
--| x
--| b
-- result: not_exists
--| x
--| b
--| n
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE l (id INT, x STRING)
  STORED AS JSON LOCATION '${landing}/l';
CREATE EXTERNAL TABLE r (id INT, y INT)
  STORED AS JSON LOCATION '${landing}/r';
-- One NULL in the list and NOT IN is true for no row: this is SQL, not a bug.
CREATE OR REFRESH MATERIALIZED VIEW none AS
SELECT x FROM l WHERE id NOT IN (SELECT id FROM r);
CREATE OR REFRESH MATERIALIZED VIEW without_nulls AS
SELECT x FROM l WHERE id NOT IN (SELECT id FROM r WHERE id IS NOT NULL);
CREATE OR REFRESH MATERIALIZED VIEW not_exists AS
SELECT x FROM l WHERE NOT EXISTS (SELECT 1 FROM r WHERE r.id = l.id);
