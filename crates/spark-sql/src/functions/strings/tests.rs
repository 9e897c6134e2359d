use super::super::testing::check_answers;

#[test]
fn parts_of_texts() {
    check_answers(&[
        ("substring('a1b22', -3)", "b22"),
        ("substring('a1b22', 0, 2)", "a1"),
        ("substring('abc', -5, 3)", "a"),
        ("substring('abc', 2, 100)", "bc"),
        ("substring('abc', 4)", ""),
        ("substring('héllo', 2, 2)", "él"),
        ("substring('héllo', -2)", "lo"),
        ("substr('abc', 2, -1)", ""),
        ("substring(12345, 2, 2)", "23"),
        ("substring(X'010203', 2)", "0203"),
        ("left('abc', -1)", ""),
        ("left('abc', 2)", "ab"),
        ("right('abc', 2)", "bc"),
        ("right('abc', 0)", ""),
        ("right('abc', 9)", "abc"),
        ("split_part('a.b.c', '.', 2)", "b"),
        ("split_part('a.b.c', '.', -1)", "c"),
        ("split_part('a.b.c', '.', 9)", ""),
        ("split_part('a.b.c', '.', 0)", "error: count from 1"),
        ("split_part('abc', '', 1)", "abc"),
        ("substring_index('a.b.c.d', '.', 2)", "a.b"),
        ("substring_index('a.b.c.d', '.', -2)", "c.d"),
        ("substring_index('a.b', '.', 5)", "a.b"),
        ("substring_index('a.b', '', 1)", ""),
        ("overlay('Spark SQL', '_', 6)", "Spark_SQL"),
        ("overlay('Spark SQL', 'ANSI ', 7, 0)", "Spark ANSI SQL"),
        ("overlay('Spark SQL', 'tructured', 2, 4)", "Structured SQL"),
        ("substring(NULL, 1)", "NULL"),
    ]);
}

#[test]
fn positions() {
    check_answers(&[
        ("instr('hello', 'l')", "3"),
        ("instr('hello', '')", "1"),
        ("instr('hello', 'z')", "0"),
        ("locate('l', 'hello', 4)", "4"),
        ("locate('l', 'hello', 0)", "0"),
        ("locate('l', 'hello', NULL)", "0"),
        ("position('o', 'hello world', 6)", "8"),
        ("charindex('é', 'aéé', 3)", "3"),
        ("contains('abc', 'b')", "true"),
        ("startswith('abc', '')", "true"),
        ("endswith('abc', 'bc')", "true"),
        ("find_in_set('ab', 'abc,b,ab,c,def')", "3"),
        ("find_in_set('a,b', 'a,b')", "0"),
        ("instr('a', NULL)", "NULL"),
    ]);
}

#[test]
fn texts_of_a_length() {
    check_answers(&[
        ("lpad('7', 3, '0')", "007"),
        ("lpad('hello', 3, '?')", "hel"),
        ("lpad('abc', 5, '')", "abc"),
        ("lpad('x', -1, 'y')", ""),
        ("lpad(5, 4, '0')", "0005"),
        ("rpad('ab', 5, 'xy')", "abxyx"),
        ("rpad('ab', 4)", "ab  "),
        ("lpad(X'01', 3, X'0203')", "020301"),
        ("lpad(X'01', 2)", "0001"),
        ("repeat('ab', 2)", "abab"),
        ("repeat('ab', -1)", ""),
        ("repeat(NULL, 2)", "NULL"),
        (
            "repeat('x', 1000000000)",
            "error: would make a text of 1000000000 bytes",
        ),
        ("concat('[', space(2), ']')", "[  ]"),
    ]);
}

#[test]
fn characters() {
    check_answers(&[
        (
            "initcap('hello-world foo_bar ÉA')",
            "Hello-world Foo_bar Éa",
        ),
        ("upper('straße')", "STRASSE"),
        ("lower(NULL)", "NULL"),
        ("concat('[', trim(concat(chr(9), ' x ')), ']')", "[\t x]"),
        ("trim(BOTH 'xy' FROM 'xabcy')", "abc"),
        ("trim(LEADING 'x' FROM 'xax')", "ax"),
        ("btrim('xabcy', 'xy')", "abc"),
        ("ltrim('x', 'xxa')", "a"),
        ("rtrim('x', 'axx')", "a"),
        ("translate('AaBbCc', 'abc', '123')", "A1B2C3"),
        ("translate('translate', 'rnlt', '123')", "1a2s3ae"),
        ("replace('ABCabc', 'abc', 'DEF')", "ABCDEF"),
        ("replace('aXbX', 'X')", "ab"),
        ("replace('abc', '', 'x')", "abc"),
        ("mask('AbCD123-@$#')", "XxXXnnn-@$#"),
        ("mask('AbCD123-@$#', 'Q', 'q', 'd', 'o')", "QqQQdddoooo"),
        ("mask('Ab1', NULL, NULL, 'd')", "Abd"),
        ("chr(65)", "A"),
        ("chr(-1)", ""),
        ("chr(321)", "A"),
        ("ascii('é')", "233"),
        ("ascii('')", "0"),
    ]);
}

#[test]
fn joined_texts() {
    check_answers(&[
        ("concat('a', NULL)", "NULL"),
        ("concat('a', 1, true)", "a1true"),
        (
            "concat('at ', TIMESTAMP '2024-01-01 00:00:00')",
            "at 2024-01-01 00:00:00",
        ),
        ("concat()", ""),
        ("concat(X'01', X'02')", "0102"),
        ("concat(array(1, 2), array(NULL, 3))", "[1, 2, NULL, 3]"),
        ("concat(array(1), NULL)", "NULL"),
        (
            "concat_ws('-', 'a', array('b', NULL, 'c'), NULL, 1)",
            "a-b-c-1",
        ),
        ("concat_ws(',', NULL, NULL)", ""),
        ("concat_ws(NULL, 'a')", "NULL"),
    ]);
}

#[test]
fn measures() {
    check_answers(&[
        ("length('héllo ')", "6"),
        ("length(X'0102')", "2"),
        ("length(12)", "2"),
        ("octet_length('é')", "2"),
        ("bit_length('é')", "16"),
        ("levenshtein('kitten', 'sitting')", "3"),
        ("levenshtein('kitten', 'sitting', 2)", "-1"),
        ("levenshtein('', 'ab')", "2"),
    ]);
}

#[test]
fn encodings() {
    check_answers(&[
        ("base64('Spark')", "U3Bhcms="),
        ("unbase64('U3Bhcms=')", "537061726B"),
        ("unbase64('U3Bhcms')", "537061726B"),
        ("hex(17)", "11"),
        ("hex(-1)", "FFFFFFFFFFFFFFFF"),
        ("hex('Spark SQL')", "537061726B2053514C"),
        ("hex(encode('é', 'UTF-8'))", "C3A9"),
        ("hex(encode('a', 'UTF-16'))", "FEFF0061"),
        ("unhex('abc')", "0ABC"),
        ("unhex('xy')", "NULL"),
        ("decode(encode('aé', 'utf-16le'), 'UTF-16LE')", "aé"),
        ("encode('a', 'latin')", "error: not a charset"),
        ("to_binary('0A0B', 'hex')", "0A0B"),
        ("to_binary('0A0B')", "0A0B"),
        ("to_binary('abc', 'utf-8')", "616263"),
        ("try_to_binary('x?', 'hex')", "NULL"),
    ]);
}

#[test]
fn numbers_as_text() {
    check_answers(&[
        ("format_number(12332.123456, 4)", "12,332.1235"),
        ("format_number(0, 2)", "0.00"),
        ("format_number(-1234567.5, 0)", "-1,234,568"),
        ("format_number(CAST(2.5 AS DOUBLE), 0)", "2"),
        ("format_number(12332.123456, '#,##0.00')", "12,332.12"),
        ("format_number(1, -1)", "NULL"),
        ("conv('100', 2, 10)", "4"),
        ("conv(-10, 16, -10)", "-16"),
        ("conv('-1', 10, 16)", "FFFFFFFFFFFFFFFF"),
        ("conv('1z', 10, 2)", "1"),
        ("conv('1', 1, 10)", "NULL"),
        ("bin(13)", "1101"),
        (
            "bin(-13)",
            "1111111111111111111111111111111111111111111111111111111111110011",
        ),
    ]);
}

#[test]
fn bytes_that_must_be_utf8() {
    check_answers(&[
        ("validate_utf8('é')", "é"),
        ("validate_utf8(X'616263')", "abc"),
        ("validate_utf8(X'80')", "error: 80 are not UTF-8"),
        ("try_validate_utf8(X'80')", "NULL"),
        ("try_validate_utf8(NULL)", "NULL"),
    ]);
}
