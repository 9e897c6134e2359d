-- file: t/a.json
--| {"doc": "{\"a\": {\"b\": \"x\", \"n\": 5}}"}
-- result: strings
--| a | b | c | d | e
--| it's | it's | a\d | joined | A
-- result: numbers
--| i | l | big | d | x | s
--| 1 | 3000000000 | 12345678901234567890 | 2.50 | 1000.0 | 2
-- schema: numbers
--| i integer
--| l long
--| big decimal(20,0)
--| d decimal(3,2)
--| x double
--| s short
-- result: operators
--| equal | joined | cast | missing
--| true | x-x | 6 | true
-- result: aliases
--| twice | more
--| 2 | 3
-- result: patterns
--| any_of | all_of
--| true | false
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (doc STRING) STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW strings AS
SELECT "it's" AS a, 'it\'s' AS b, r'a\d' AS c, 'joi' 'ned' AS d, '\u0041' AS e FROM t;
CREATE OR REFRESH MATERIALIZED VIEW numbers AS
SELECT 1 AS i, 3000000000 AS l, 12345678901234567890 AS big, 2.50 AS d, 1e3 AS x, 2S AS s FROM t;
CREATE OR REFRESH MATERIALIZED VIEW operators AS
SELECT doc->'a'->>'b' = 'x' AS equal, doc->'a'->>'b' || '-' || doc->'a'->>'b' AS joined,
       doc->'a'->>'n'::INT + 1 AS cast, doc->'a'->>'z' IS NULL AS missing
FROM t;
CREATE OR REFRESH MATERIALIZED VIEW aliases AS SELECT 1 * 2 AS twice, twice + 1 AS more FROM t;
CREATE OR REFRESH MATERIALIZED VIEW patterns AS
SELECT 'abc' LIKE ANY ('a%', 'x%') AS any_of, 'abc' LIKE ALL ('a%', 'x%') AS all_of FROM t;
