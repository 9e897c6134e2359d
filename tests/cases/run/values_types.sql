-- result ordered: times
--| a
--| 2024-01-01T00:00:00Z
--| 2024-01-01T10:00:00Z
-- schema: times
--| a timestamp
-- result ordered: decimals
--| a
--| -2.0
--| 1.0
--| 2.5
-- schema: decimals
--| a decimal(11,1)
-- result ordered: doubles
--| a
--| 1.25
--| 90.0
--| 100.0
-- schema: doubles
--| a double
-- result ordered: floats
--| a
--| 1.0
--| 1.5
-- schema: floats
--| a float
-- result ordered: common
--| a
--| 1.5
-- schema: common
--| a double
DECLARE VARIABLE gold STRING;
CREATE OR REFRESH MATERIALIZED VIEW times TBLPROPERTIES ('sluice.sort_by' = 'a') AS
SELECT a FROM VALUES (DATE '2024-01-01'), (TIMESTAMP '2024-01-01 10:00:00') AS t(a);
CREATE OR REFRESH MATERIALIZED VIEW decimals TBLPROPERTIES ('sluice.sort_by' = 'a') AS
SELECT a FROM VALUES (1), (2.5), (-2) AS t(a);
CREATE OR REFRESH MATERIALIZED VIEW doubles TBLPROPERTIES ('sluice.sort_by' = 'a') AS
SELECT a FROM VALUES (1.25), (90), (1e2) AS t(a);
CREATE OR REFRESH MATERIALIZED VIEW common AS SELECT 1.5 AS a INTERSECT SELECT 1.5D;
CREATE OR REFRESH MATERIALIZED VIEW floats TBLPROPERTIES ('sluice.sort_by' = 'a') AS
SELECT a FROM VALUES (1L), (1.5F) AS t(a);
