-- Tables with every type that a gold table can have, for `filters.py`.
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;

CREATE EXTERNAL TABLE texts (
  id BIGINT, part STRING, flag STRING, tiny STRING, small STRING, int STRING, big STRING,
  float STRING, double STRING, dec9 STRING, dec18 STRING, dec38 STRING, text STRING,
  bytes BINARY, day STRING, at STRING,
  st STRUCT<x: INT, s: STRING, d: STRING, n: STRUCT<y: STRING>>, xs ARRAY<INT>,
  kv MAP<STRING, INT>
) STORED AS JSON LOCATION '${landing}/values' OPTIONS ('mode' 'failfast');

CREATE TEMPORARY VIEW typed AS
SELECT
  id, part,
  CAST(flag AS BOOLEAN) AS flag,
  CAST(tiny AS TINYINT) AS tiny,
  CAST(small AS SMALLINT) AS small,
  CAST(int AS INT) AS `Int`,
  CAST(big AS BIGINT) AS big,
  CAST(float AS FLOAT) AS float,
  CAST(double AS DOUBLE) AS double,
  CAST(dec9 AS DECIMAL(9, 2)) AS dec9,
  CAST(dec18 AS DECIMAL(18, 4)) AS dec18,
  CAST(dec38 AS DECIMAL(38, 10)) AS dec38,
  text,
  bytes,
  CAST(day AS DATE) AS day,
  CAST(at AS TIMESTAMP) AS `at.utc`,
  named_struct(
    'x', st.x, 's', st.s, 'd', CAST(st.d AS DOUBLE),
    'n', named_struct('y', CAST(st.n.y AS DATE))
  ) AS st,
  xs, kv
FROM texts;

-- One file for each kind of values, so that readers skip files.
CREATE OR REFRESH MATERIALIZED VIEW by_part PARTITIONED BY (part)
TBLPROPERTIES ('delta.checkpointInterval' = '1') AS SELECT * FROM typed;

-- One file: readers skip it as a whole, or not.
CREATE OR REFRESH MATERIALIZED VIEW one_file AS SELECT * FROM typed WHERE part NOT IN ('nulls');

-- Readers expect bounds of the first 32 columns, fields of structs counted.
CREATE OR REFRESH MATERIALIZED VIEW wide PARTITIONED BY (part) AS
SELECT part, id, st, xs, flag AS flag_1,
  big AS c01, big AS c02, big AS c03, big AS c04, big AS c05, big AS c06, big AS c07,
  big AS c08, big AS c09, big AS c10, big AS c11, big AS c12, big AS c13, big AS c14,
  big AS c15, big AS c16, big AS c17, big AS c18, big AS c19, big AS c20, big AS c21,
  big AS c22, big AS c23, big AS c24, big AS c25, big AS c26, big AS c27, big AS c28,
  flag AS flag_2, text AS text_2, double AS double_2
FROM typed;

-- Partition columns of every type.
CREATE OR REFRESH MATERIALIZED VIEW by_flag PARTITIONED BY (flag) AS SELECT id, flag FROM typed;
CREATE OR REFRESH MATERIALIZED VIEW by_big PARTITIONED BY (big) AS SELECT id, big FROM typed;
-- deltalake cannot read negative ones (known_faults.py).
CREATE OR REFRESH MATERIALIZED VIEW by_dec PARTITIONED BY (dec38) AS
SELECT id, dec38 FROM typed WHERE dec38 IS NULL OR dec38 >= 0;
CREATE OR REFRESH MATERIALIZED VIEW by_day PARTITIONED BY (day) AS SELECT id, day FROM typed;
CREATE OR REFRESH MATERIALIZED VIEW by_at PARTITIONED BY (`at.utc`) AS
SELECT id, `at.utc` FROM typed;
CREATE OR REFRESH MATERIALIZED VIEW by_double PARTITIONED BY (double) AS
SELECT id, double FROM typed;
CREATE OR REFRESH MATERIALIZED VIEW by_text PARTITIONED BY (`Größe`) AS
SELECT id, text AS `Größe` FROM typed WHERE part <> 'long_emoji'
UNION ALL SELECT id + 100, part || '/=%20 é?#' FROM typed;
