-- file: t/a.json
--| {"country": "IT", "day": "2024-05-31", "n": 1}
--| {"country": "a/b c=d%", "day": "2024-05-31", "n": 2}
--| {"country": null, "day": null, "n": 3}
--| {"country": "Zürich", "day": "2024-06-01", "n": 4}
-- folders: by_country
--| country=IT/day=2024-05-31
--| country=Z%C3%BCrich/day=2024-06-01
--| country=__HIVE_DEFAULT_PARTITION__/day=__HIVE_DEFAULT_PARTITION__
--| country=a%252Fb%20c%253Dd%2525/day=2024-05-31
-- result: by_country
--| n | country | day
--| 1 | IT | 2024-05-31
--| 2 | a/b c=d% | 2024-05-31
--| 3 | NULL | NULL
--| 4 | Zürich | 2024-06-01
-- result: read_back
--| country | day | n
--| IT | 2024-05-31 | 1
--| a/b c=d% | 2024-05-31 | 2
--| NULL | NULL | 3
--| Zürich | 2024-06-01 | 4
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (country STRING, day DATE, n INT)
  STORED AS JSON LOCATION '${landing}/t';
CREATE OR REFRESH MATERIALIZED VIEW by_country
PARTITIONED BY (country, day)
AS SELECT n, country, day FROM t;
CREATE OR REFRESH MATERIALIZED VIEW read_back AS SELECT country, day, n FROM by_country;
