-- file: people/a.csv
--| id,Name,born,at
--| 1,Ann,1990-01-02,2024-01-01 10:00:00
--| 2,,1991-01-02,
-- file: people/b.csv
--| id,Name,born,at,more
--| 3000000000,"Bo, the 2nd",1992-01-02,2024-01-02,1.5
-- schema: people
--| id long
--| Name string
--| born date
--| at timestamp
--| more double
-- result: people
--| id | Name | born | at | more
--| 1 | Ann | 1990-01-02 | 2024-01-01T10:00:00Z | NULL
--| 2 | NULL | 1991-01-02 | NULL | NULL
--| 3000000000 | Bo, the 2nd | 1992-01-02 | 2024-01-02T00:00:00Z | 1.5
-- result: texts
--| _c0 | _c1 | _c2 | _c3
--| id | Name | born | at
--| 1 | Ann | 1990-01-02 | 2024-01-01 10:00:00
--| 2 | NULL | 1991-01-02 | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
-- With read_files files have a header and columns have types, as on Databricks.
CREATE MATERIALIZED VIEW people AS
SELECT * EXCEPT (_rescued_data) FROM read_files('${landing}/people', format => 'csv');
-- Without, neither, as in Spark.
CREATE MATERIALIZED VIEW texts AS SELECT * FROM csv.`${landing}/people/a.csv`;
