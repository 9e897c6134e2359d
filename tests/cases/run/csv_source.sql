-- file: people/a.csv
--| id,name,day,score
--| 1,"Rossi, Anna",2024-05-31,1.5
--| 2,,2024-06-01,
-- file: people/b.csv
--| id,name,day,score
--| 3,"say ""hi""",,3
-- file: codes/a.txt
--| x;1
--| y;2
-- result: people_gold
--| id | name | day | score
--| 1 | Rossi, Anna | 2024-05-31 | 1.5
--| 2 | NULL | 2024-06-01 | NULL
--| 3 | say "hi" | NULL | 3.0
-- result: codes_gold
--| code | n
--| x | 1
--| y | 2
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE people (id INT, name STRING, day DATE, score DOUBLE)
  STORED AS CSV LOCATION '${landing}/people' OPTIONS ('header' 'true');
CREATE EXTERNAL TABLE codes (code STRING, n INT)
  STORED AS CSV LOCATION '${landing}/codes' OPTIONS ('header' 'false', 'delimiter' ';');
CREATE OR REFRESH MATERIALIZED VIEW people_gold AS SELECT * FROM people;
CREATE OR REFRESH MATERIALIZED VIEW codes_gold AS SELECT * FROM codes;
