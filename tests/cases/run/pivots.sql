-- file: s/a.json
--| {"region": "n", "product": "pen", "amount": 5}
--| {"region": "n", "product": "pen", "amount": 7}
--| {"region": "n", "product": "ink", "amount": 1}
--| {"region": "s", "product": "ink", "amount": 2}
-- result: sums
--| region | pen | ink
--| n | 12 | 1
--| s | NULL | 2
-- result: several
--| region | p_total | p_n | ink_total | ink_n
--| n | 12 | 2 | 1 | 1
--| s | NULL | NULL | 2 | 1
-- result: columns_to_rows
--| id | m | v
--| 1 | jan | 10
--| 1 | feb | 20
-- result: pairs
--| id | m | a | b
--| 1 | first | 10 | 20
--| 1 | second | 20 | NULL
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE s (region STRING, product STRING, amount INT) STORED AS JSON LOCATION '${landing}/s';
CREATE OR REFRESH MATERIALIZED VIEW sums AS SELECT * FROM s PIVOT (sum(amount) FOR product IN ('pen', 'ink'));
CREATE OR REFRESH MATERIALIZED VIEW several AS
SELECT * FROM s PIVOT (sum(amount) AS total, count(*) AS n FOR product IN ('pen' AS p, 'ink'));
CREATE TEMPORARY VIEW wide AS SELECT * FROM VALUES (1, 10, 20, CAST(NULL AS INT)) AS t(id, jan, feb, mar);
CREATE OR REFRESH MATERIALIZED VIEW columns_to_rows AS SELECT * FROM wide UNPIVOT (v FOR m IN (jan, feb, mar));
CREATE OR REFRESH MATERIALIZED VIEW pairs AS
SELECT id, m, a, b FROM (SELECT * FROM wide) UNPIVOT ((a, b) FOR m IN ((jan, feb) AS first, (feb, mar) AS second));
