-- error: E0111
-- at: 24:52
-- message: read_files has no format
-- error: E0208
-- message: schemaHints is for sources whose columns are not declared
-- error: E0204
-- at: 27:97
-- error: E0202
-- error: E0207
-- message: unknown option `modus`
-- error: E0206
-- message: delta
-- error: E0104
-- message: expected `=>`
-- error: E0410
-- error: E0410
-- message: CROSS JOIN json.
-- error: E0203
-- message: reserved
-- error: E0206
-- message: `delta`
DECLARE VARIABLE gold STRING;
CREATE MATERIALIZED VIEW ok AS SELECT id FROM read_files('x/', format => 'json', schema => 'id INT');
CREATE MATERIALIZED VIEW a AS SELECT count(*) FROM read_files('x/');
CREATE MATERIALIZED VIEW b AS SELECT count(*) FROM read_files('x/', format => 'json', schemaHints => 'id INT');
CREATE MATERIALIZED VIEW c AS SELECT count(*) FROM read_files('x/', format => 'json', schema => 'id INT', schemaHints => 'id INT');
CREATE MATERIALIZED VIEW d AS SELECT count(*) FROM read_files('x/', format => 'json', schema => 'id INTT');
CREATE MATERIALIZED VIEW e AS SELECT count(*) FROM read_files('x/', format => 'json', schema => 'id INT, ID INT');
CREATE MATERIALIZED VIEW f AS SELECT count(*) FROM read_files('x/', format => 'json', schema => 'id INT', modus => 'x');
CREATE MATERIALIZED VIEW g AS SELECT count(*) FROM read_files('x/', format => 'delta', schema => 'id INT');
CREATE MATERIALIZED VIEW h AS SELECT count(*) FROM read_files('x/', format = 'json', schema => 'id INT');
CREATE MATERIALIZED VIEW i AS SELECT count(*) FROM orc.`x/`;
CREATE STREAMING TABLE j AS SELECT id FROM STREAM parquet.`x/`;
CREATE MATERIALIZED VIEW l AS SELECT count(*) FROM ok, json.`x/`;
CREATE TEMPORARY VIEW `read_files 9` AS SELECT 1 AS a;
CREATE TABLE k (id INT) USING delta LOCATION 'x/';
