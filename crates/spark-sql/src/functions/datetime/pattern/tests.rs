use super::super::text::{format_local_time, parse_timestamp};
use super::super::zone::Zone;
use super::Pattern;

fn format(time: &str, pattern: &str) -> Result<String, String> {
    format_in(time, pattern, Zone::UTC)
}

fn format_in(time: &str, pattern: &str, zone: Zone) -> Result<String, String> {
    let instant = parse_timestamp(time, Zone::UTC).unwrap();
    Pattern::to_format(pattern)?.format(instant, zone)
}

fn parse(text: &str, pattern: &str) -> Option<String> {
    let pattern = Pattern::to_parse(pattern).unwrap();
    pattern.parse(text, Zone::UTC).map(format_local_time)
}

#[test]
fn formats_every_letter() {
    let time = "2024-02-09 13:05:07.012345";
    for (pattern, text) in [
        ("yyyy-MM-dd HH:mm:ss", "2024-02-09 13:05:07"),
        ("y-M-d H:m:s", "2024-2-9 13:5:7"),
        ("yy yyy yyyyy", "24 2024 02024"),
        ("MMM MMMM LLL LLLL L LL", "Feb February Feb February 2 02"),
        ("E EEE EEEE", "Fri Fri Friday"),
        ("D DD DDD", "40 40 040"),
        ("Q QQ QQQ QQQQ q", "1 01 Q1 1st quarter 1"),
        ("h hh K KK k kk a", "1 01 1 01 13 13 PM"),
        ("S SSS SSSSSS SSSSSSSSS", "0 012 012345 012345000"),
        ("F", "2"),
        ("G GGGG yyyy", "AD Anno Domini 2024"),
        (
            "X XX XXX x xx xxx Z ZZZZ ZZZZZ",
            "Z Z Z +00 +0000 +00:00 +0000 GMT Z",
        ),
        ("O OOOO z VV", "GMT GMT UTC UTC"),
        ("yyyy-MM-dd'T'HH:mm''ss", "2024-02-09T13:05'07"),
        ("[yyyy][ HH]", "2024 13"),
        ("dd/MM/yyyy", "09/02/2024"),
        ("", ""),
    ] {
        assert_eq!(format(time, pattern).as_deref(), Ok(text), "{pattern}");
    }
}

#[test]
fn formats_the_ends_of_the_calendar() {
    for (time, text) in [
        ("0001-01-01 00:00:00", "0001-01-01 12 AM"),
        ("9999-12-31 23:59:59", "9999-12-31 11 PM"),
        ("1582-10-10", "1582-10-10 12 AM"),
        ("+12345-01-01", "+12345-01-01 12 AM"),
    ] {
        assert_eq!(format(time, "yyyy-MM-dd hh a").as_deref(), Ok(text));
    }
}

#[test]
fn formats_in_zones() {
    let rome = Zone::find("Europe/Rome").unwrap();
    let kolkata = Zone::find("+05:30").unwrap();
    let text = |pattern, zone| format_in("2024-07-01 12:00:00", pattern, zone).unwrap();
    assert_eq!(
        text("HH z VV XXX X O OOOO Z", rome),
        "14 CEST Europe/Rome +02:00 +02 GMT+2 GMT+02:00 +0200"
    );
    assert_eq!(text("HH:mm X XX O", kolkata), "17:30 +0530 +0530 GMT+5:30");
}

#[test]
fn refuses_what_spark_refuses() {
    for pattern in [
        "YYYY",
        "u",
        "w",
        "W",
        "e",
        "c",
        "A",
        "n",
        "N",
        "B",
        "p",
        "MMMMM",
        "EEEEE",
        "GGGGG",
        "ddd",
        "HHH",
        "aa",
        "V",
        "yyyyyyyyyyy",
        "SSSSSSSSSS",
        "T",
        "'abc",
        "]",
        "{",
        "#",
        "QQQQQ",
        "FF",
        "zzzzz",
        "OO",
        "XXXXXX",
        "DDDD",
    ] {
        assert!(Pattern::to_format(pattern).is_err(), "{pattern}");
    }
    for pattern in ["E", "F", "Q", "q"] {
        assert!(Pattern::to_parse(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn parses_strictly() {
    for (text, pattern, time) in [
        ("2024-02-09", "yyyy-MM-dd", Some("2024-02-09 00:00:00")),
        ("2024-2-9", "yyyy-MM-dd", None),
        ("2024-2-9", "yyyy-M-d", Some("2024-02-09 00:00:00")),
        ("2024-02-30", "yyyy-MM-dd", None),
        ("2024-02-09 10:00", "yyyy-MM-dd", None),
        ("20240209", "yyyyMMdd", Some("2024-02-09 00:00:00")),
        (
            "20240209101112",
            "yyyyMMddHHmmss",
            Some("2024-02-09 10:11:12"),
        ),
        // The year takes the digits that the fraction does not reserve, as in Java.
        ("20240209101112123", "yyyyMMddHHmmssSSS", None),
        ("12024", "Myyyy", None),
        ("24-01-05", "yy-MM-dd", Some("2024-01-05 00:00:00")),
        ("99-01-05", "yy-MM-dd", Some("2099-01-05 00:00:00")),
        ("05 Jan 2024", "dd MMM yyyy", Some("2024-01-05 00:00:00")),
        ("5 january 2024", "d MMMM yyyy", Some("2024-01-05 00:00:00")),
        ("01:45 PM", "hh:mm a", Some("1970-01-01 13:45:00")),
        ("12:45 am", "hh:mm a", Some("1970-01-01 00:45:00")),
        ("13:45 PM", "hh:mm a", None),
        ("24", "kk", Some("1970-01-01 00:00:00")),
        ("24", "HH", None),
        ("2024-060", "yyyy-DDD", Some("2024-02-29 00:00:00")),
        ("2023-366", "yyyy-DDD", None),
        ("10:00:00.5", "HH:mm:ss.SSS", Some("1970-01-01 10:00:00.5")),
        ("10:00:00", "HH:mm:ss[.SSS]", Some("1970-01-01 10:00:00")),
        (
            "10:00:00.250",
            "HH:mm:ss[.SSS]",
            Some("1970-01-01 10:00:00.25"),
        ),
        (
            "2024-01-15T13:45:00+02:00",
            "yyyy-MM-dd'T'HH:mm:ssXXX",
            Some("2024-01-15 11:45:00"),
        ),
        (
            "2024-01-15T13:45:00Z",
            "yyyy-MM-dd'T'HH:mm:ssXXX",
            Some("2024-01-15 13:45:00"),
        ),
        (
            "2024-01-15 13 +0200",
            "yyyy-MM-dd HH Z",
            Some("2024-01-15 11:00:00"),
        ),
        (
            "2024-07-15 13 Europe/Rome",
            "yyyy-MM-dd HH VV",
            Some("2024-07-15 11:00:00"),
        ),
        (
            "2024-07-15 13 PST",
            "yyyy-MM-dd HH z",
            Some("2024-07-15 20:00:00"),
        ),
        ("0001-01-01", "yyyy-MM-dd", Some("0001-01-01 00:00:00")),
        (
            "9999-12-31 23:59:59",
            "yyyy-MM-dd HH:mm:ss",
            Some("9999-12-31 23:59:59"),
        ),
        ("10000-01-01", "yyyy-MM-dd", None),
        ("+10000-01-01", "yyyy-MM-dd", Some("+10000-01-01 00:00:00")),
        ("44 BC", "y G", Some("-0043-01-01 00:00:00")),
        ("", "yyyy", None),
    ] {
        assert_eq!(parse(text, pattern).as_deref(), time, "{text} by {pattern}");
    }
}
