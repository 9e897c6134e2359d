-- file bom crlf: t/a.tsv
--| # made by hand
--| id	name	n
--| 1	'it''s'	 10
--| 
--| 2	NA	NA
--| 3	'a\'b'	30 
-- result: rows
--| id | name | n
--| 1 | it's | 10
--| 2 | NULL | NULL
--| 3 | a'b | 30
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, name STRING, n INT)
  STORED AS CSV LOCATION '${landing}/t'
  OPTIONS ('header' 'true', 'sep' '\t', 'quote' '''', 'nullValue' 'NA', 'comment' '#', 'encoding' 'UTF-8',
           'inferSchema' 'false', 'ignoreLeadingWhiteSpace' 'true', 'ignoreTrailingWhiteSpace' 'true');
CREATE OR REFRESH MATERIALIZED VIEW rows AS SELECT id, name, n FROM t;
