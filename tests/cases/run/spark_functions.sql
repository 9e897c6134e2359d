-- file: t/a.json
--| {"id": 1, "s": "Ab c", "n": 10, "x": 2.5}
--| {"id": 2, "s": null, "n": 20, "x": -1.5}
--| {"id": 3, "s": "éa", "n": null, "x": null}
-- result: sparks
--| id | sha | crc | hex | b64 | sound | query | size | z
--| 1 | b074ee0aff51290bfb89e4dce0eba82843c68a53dfaf7721707128a571a3b460 | 142666570 | A | QWIgYw== | A120 | e=f | 2 | Ab c-10
--| 2 | NULL | NULL | 14 | NULL | NULL | e=f | 2 | null-20
--| 3 | 805c58e80d5a6f66d9bed65cfb771031235943ef48fbe5c18b823df952da92c4 | 702064485 | NULL | w6lh | éa | e=f | 2 | éa-null
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE t (id INT, s STRING, n INT, x DOUBLE)
  STORED AS JSON LOCATION '${landing}/t';
-- Spark's functions where the engine has none of that name.
CREATE OR REFRESH MATERIALIZED VIEW sparks AS
SELECT id, sha2(s, 256) AS sha, crc32(s) AS crc, hex(n) AS hex, base64(s) AS b64, soundex(s) AS sound,
       parse_url('http://a.b/c?e=f', 'QUERY') AS query, size(array(n, 1)) AS size,
       format_string('%s-%d', s, n) AS z
FROM t;
