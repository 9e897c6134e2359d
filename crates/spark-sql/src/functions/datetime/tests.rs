use super::super::testing::check_answers;

/// Spark 4's answers, in a session whose zone is UTC.
#[test]
fn parts_of_dates() {
    check_answers(&[
        ("year(DATE '0001-01-01')", "1"),
        ("year('9999-12-31')", "9999"),
        ("quarter(DATE '2024-12-31')", "4"),
        ("dayofweek(DATE '2024-03-03')", "1"),
        ("weekday(DATE '2024-03-03')", "6"),
        ("weekofyear(DATE '2024-12-30')", "1"),
        ("yearofweek(DATE '2024-12-30')", "2025"),
        ("dayofyear('2024-12-31')", "366"),
        ("hour('2024-01-01 13:45:30')", "13"),
        ("second('0001-01-01 13:45:30.5')", "30"),
        ("second_with_fraction('2024-01-01 13:45:30.5')", "30.500000"),
        ("dayname(DATE '2024-02-29')", "Thu"),
        ("monthname('9999-12-31')", "Dec"),
        ("month(CAST(NULL AS DATE))", "NULL"),
    ]);
}

#[test]
fn date_arithmetic() {
    check_answers(&[
        ("date_add('2024-02-28', 2)", "2024-03-01"),
        ("date_sub(DATE '0001-01-02', 1)", "0001-01-01"),
        ("date_add(TIMESTAMP '2024-02-28 23:00:00', 1)", "2024-02-29"),
        ("datediff('9999-12-31', '0001-01-01')", "3652058"),
        (
            "datediff('2024-01-02 00:10:00', '2024-01-01 23:50:00')",
            "1",
        ),
        ("add_months('2024-01-31', 1)", "2024-02-29"),
        ("add_months(DATE '9999-12-31', -1)", "9999-11-30"),
        ("last_day('9999-02-01')", "9999-02-28"),
        ("next_day('2024-01-15', 'Mon')", "2024-01-22"),
        ("next_day('2024-01-15', 'TU')", "2024-01-16"),
        (
            "next_day('2024-01-15', 'someday')",
            "error: not a day of the week",
        ),
        (
            "months_between('1997-02-28 10:30:00', '1996-10-30')",
            "3.94959677",
        ),
        ("months_between('2024-02-29', '2024-01-31')", "1.0"),
        (
            "months_between('1997-02-28 10:30:00', '1996-10-30', false)",
            "3.9495967741935485",
        ),
        (
            "months_between('9999-12-31', '0001-01-01')",
            "119987.96774194",
        ),
        (
            "timestampadd('MONTH', 1, TIMESTAMP '2024-01-31 10:00:00')",
            "2024-02-29 10:00:00",
        ),
        (
            "timestampadd('HOUR', -1, '0001-01-01 01:00:00')",
            "0001-01-01 00:00:00",
        ),
        ("timestampdiff('MONTH', '2024-01-31', '2024-02-29')", "0"),
        ("timestampdiff('YEAR', '2000-06-15', '2024-06-14')", "23"),
        (
            "timestampdiff('DAY', '2024-01-02', '2024-01-01 12:00:00')",
            "0",
        ),
        (
            "timestampdiff('MINUTE', '2024-01-01', '2024-01-01 01:30:59')",
            "90",
        ),
    ]);
}

#[test]
fn starts_of_units() {
    check_answers(&[
        ("trunc('2024-05-15', 'month')", "2024-05-01"),
        ("trunc('2024-05-15', 'MM')", "2024-05-01"),
        ("trunc(DATE '2024-05-15', 'week')", "2024-05-13"),
        ("trunc(DATE '0001-05-15', 'YEAR')", "0001-01-01"),
        ("trunc('2024-05-15', 'day')", "NULL"),
        (
            "date_trunc('month', TIMESTAMP '9999-12-31 10:00:00')",
            "9999-12-01 00:00:00",
        ),
        (
            "date_trunc('month', TIMESTAMP '0001-01-01 00:00:00')",
            "0001-01-01 00:00:00",
        ),
        ("date_trunc('MM', '2024-05-15')", "2024-05-01 00:00:00"),
        (
            "date_trunc('quarter', '2024-05-15 10:11:12')",
            "2024-04-01 00:00:00",
        ),
        ("date_trunc('WEEK', '0001-01-03')", "0001-01-01 00:00:00"),
        (
            "date_trunc('DD', '1969-12-31 23:59:59.5')",
            "1969-12-31 00:00:00",
        ),
        (
            "date_trunc('second', '1969-12-31 23:59:59.5')",
            "1969-12-31 23:59:59",
        ),
        (
            "date_trunc('MILLISECOND', '2024-01-01 00:00:00.123456')",
            "2024-01-01 00:00:00.123",
        ),
        ("date_trunc('fortnight', '2024-05-15')", "NULL"),
    ]);
}

#[test]
fn clocks_of_other_zones() {
    check_answers(&[
        (
            "to_utc_timestamp('2024-03-31 01:00:00', 'Europe/Rome')",
            "2024-03-31 00:00:00",
        ),
        (
            "to_utc_timestamp('2024-10-27 02:30:00', 'Europe/Rome')",
            "2024-10-27 00:30:00",
        ),
        (
            "from_utc_timestamp('2024-03-31 01:00:00', 'Europe/Rome')",
            "2024-03-31 03:00:00",
        ),
        (
            "from_utc_timestamp('2024-01-01', 'PST')",
            "2023-12-31 16:00:00",
        ),
        (
            "from_utc_timestamp('2024-07-01', 'EST')",
            "2024-06-30 19:00:00",
        ),
        (
            "from_utc_timestamp('9999-12-31', 'GMT+1')",
            "9999-12-31 01:00:00",
        ),
        (
            "from_utc_timestamp('2024-01-01', '+02:00')",
            "2024-01-01 02:00:00",
        ),
        (
            "from_utc_timestamp('2024-01-01', 'Nowhere')",
            "error: not a time zone",
        ),
        (
            "convert_timezone('Europe/Rome', 'America/New_York', '2024-01-01 12:00:00')",
            "2024-01-01 06:00:00",
        ),
        (
            "convert_timezone('Europe/Rome', '2024-01-01 12:00:00')",
            "2024-01-01 13:00:00",
        ),
    ]);
}

#[test]
fn text_to_dates_and_back() {
    check_answers(&[
        ("to_date('2024-2-9')", "2024-02-09"),
        ("to_date('9999-12-31 10:00:00')", "9999-12-31"),
        ("to_date('09/02/2024', 'dd/MM/yyyy')", "2024-02-09"),
        ("to_date('0001-01-01', 'yyyy-MM-dd')", "0001-01-01"),
        ("to_date('soon')", "error: use try_to_date"),
        (
            "to_date('2024-02-30', 'yyyy-MM-dd')",
            "error: does not have the form",
        ),
        ("try_to_date('soon')", "NULL"),
        ("to_date(TIMESTAMP '2024-02-09 10:00:00')", "2024-02-09"),
        (
            "to_timestamp('2024-01-15T13:45:00+02:00')",
            "2024-01-15 11:45:00",
        ),
        ("to_timestamp(1700000000)", "2023-11-14 22:13:20"),
        ("to_timestamp('2024', 'yyyy')", "2024-01-01 00:00:00"),
        ("try_to_timestamp('x', 'yyyy')", "NULL"),
        ("to_timestamp(NULL, 'yyyy')", "NULL"),
        (
            "date_format('9999-12-31', 'EEE, d MMM yyyy')",
            "Fri, 31 Dec 9999",
        ),
        (
            "date_format(DATE '2024-01-05', 'u')",
            "error: counts by weeks",
        ),
    ]);
}

#[test]
fn numbers_of_seconds() {
    check_answers(&[
        ("from_unixtime(0)", "1970-01-01 00:00:00"),
        ("from_unixtime(253402214400, 'yyyy')", "9999"),
        ("unix_timestamp('2024-01-01 00:00:00')", "1704067200"),
        (
            "unix_timestamp('2024-01-01')",
            "error: does not have the form",
        ),
        ("unix_timestamp('2024-01-01', 'yyyy-MM-dd')", "1704067200"),
        ("unix_timestamp(DATE '0001-01-01')", "-62135596800"),
        ("unix_millis(TIMESTAMP '1969-12-31 23:59:59.9995')", "-1"),
        ("unix_date(DATE '1970-01-02')", "1"),
        ("date_from_unix_date(2932896)", "9999-12-31"),
        ("timestamp_seconds(1.5)", "1970-01-01 00:00:01.5"),
        ("timestamp_millis(-1)", "1969-12-31 23:59:59.999"),
        (
            "timestamp_micros(1700000000123456)",
            "2023-11-14 22:13:20.123456",
        ),
        (
            "timestamp_seconds(99999999999999)",
            "error: outside the range",
        ),
    ]);
}

#[test]
fn dates_of_parts() {
    check_answers(&[
        ("make_date(2024, 2, 29)", "2024-02-29"),
        ("make_date(2023, 2, 29)", "error: there is no date"),
        ("make_date(1, 1, 1)", "0001-01-01"),
        (
            "make_timestamp(2024, 2, 29, 12, 30, 45.5)",
            "2024-02-29 12:30:45.5",
        ),
        (
            "make_timestamp(2024, 12, 31, 23, 59, 60)",
            "2025-01-01 00:00:00",
        ),
        (
            "make_timestamp(2024, 1, 1, 12, 0, 0, 'Europe/Rome')",
            "2024-01-01 11:00:00",
        ),
        (
            "make_timestamp(2024, 13, 1, 0, 0, 0)",
            "error: there is no timestamp",
        ),
        ("try_make_timestamp(2024, 13, 1, 0, 0, 0)", "NULL"),
    ]);
}

#[test]
fn comparisons_and_casts_of_the_first_and_last_day() {
    check_answers(&[
        ("TIMESTAMP '9999-12-31 00:00:00' = '9999-12-31'", "true"),
        (
            "DATE '0001-01-01' < TIMESTAMP '9999-12-31 00:00:00'",
            "true",
        ),
        (
            "coalesce(TIMESTAMP '9999-12-31 00:00:00', DATE '0001-01-01')",
            "9999-12-31 00:00:00",
        ),
        (
            "CASE WHEN year(now()) = 0 THEN DATE '0001-01-01' ELSE TIMESTAMP '9999-12-31 00:00:00' END",
            "9999-12-31 00:00:00",
        ),
        ("now() < TIMESTAMP '9999-12-31 00:00:00'", "true"),
        (
            "TIMESTAMP '0001-01-01 00:00:00' + INTERVAL '1' DAY",
            "0001-01-02 00:00:00",
        ),
        ("DATE '9999-12-31' - INTERVAL '1' MONTH", "9999-11-30"),
    ]);
}
