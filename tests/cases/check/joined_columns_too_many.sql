-- error: E0508
-- at: 10:37
-- message: has 5200 columns
-- message: select fewer columns
-- file: s/a.json
--| {"c0": 1}
DECLARE VARIABLE landing STRING;
DECLARE VARIABLE gold STRING;
CREATE EXTERNAL TABLE s (c0 INT, c1 INT, c2 INT, c3 INT, c4 INT, c5 INT, c6 INT, c7 INT, c8 INT, c9 INT, c10 INT, c11 INT, c12 INT, c13 INT, c14 INT, c15 INT, c16 INT, c17 INT, c18 INT, c19 INT, c20 INT, c21 INT, c22 INT, c23 INT, c24 INT, c25 INT, c26 INT, c27 INT, c28 INT, c29 INT, c30 INT, c31 INT, c32 INT, c33 INT, c34 INT, c35 INT, c36 INT, c37 INT, c38 INT, c39 INT, c40 INT, c41 INT, c42 INT, c43 INT, c44 INT, c45 INT, c46 INT, c47 INT, c48 INT, c49 INT, c50 INT, c51 INT, c52 INT, c53 INT, c54 INT, c55 INT, c56 INT, c57 INT, c58 INT, c59 INT, c60 INT, c61 INT, c62 INT, c63 INT, c64 INT, c65 INT, c66 INT, c67 INT, c68 INT, c69 INT, c70 INT, c71 INT, c72 INT, c73 INT, c74 INT, c75 INT, c76 INT, c77 INT, c78 INT, c79 INT, c80 INT, c81 INT, c82 INT, c83 INT, c84 INT, c85 INT, c86 INT, c87 INT, c88 INT, c89 INT, c90 INT, c91 INT, c92 INT, c93 INT, c94 INT, c95 INT, c96 INT, c97 INT, c98 INT, c99 INT) STORED AS JSON LOCATION '${landing}/s';
CREATE OR REFRESH MATERIALIZED VIEW t AS
SELECT a0.c0 FROM s a0, s a1, s a2, s a3, s a4, s a5, s a6, s a7, s a8, s a9, s a10, s a11, s a12, s a13, s a14, s a15, s a16, s a17, s a18, s a19, s a20, s a21, s a22, s a23, s a24, s a25, s a26, s a27, s a28, s a29, s a30, s a31, s a32, s a33, s a34, s a35, s a36, s a37, s a38, s a39, s a40, s a41, s a42, s a43, s a44, s a45, s a46, s a47, s a48, s a49, s a50, s a51;
