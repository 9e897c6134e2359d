use proptest::prelude::*;

use super::*;

fn place(text: &str) -> Location {
    Location::parse(text, FsPath::new("/home/ann")).unwrap()
}

fn problem(text: &str) -> LocationError {
    match Location::parse(text, FsPath::new("/home/ann")).unwrap_err() {
        StoreError::Location { source, .. } => source,
        other => panic!("{other}"),
    }
}

#[test]
fn paths_and_urls_become_absolute() {
    for (text, shown, url) in [
        ("/data/gold/", "/data/gold", "file:///data/gold"),
        (
            "data/gold",
            "/home/ann/data/gold",
            "file:///home/ann/data/gold",
        ),
        (
            "./data//gold/.",
            "/home/ann/data/gold",
            "file:///home/ann/data/gold",
        ),
        ("../bob", "/home/bob", "file:///home/bob"),
        ("file:///a%20b/c", "/a b/c", "file:///a%20b/c"),
        ("file:/a", "/a", "file:///a"),
        ("FILE://localhost/a", "/a", "file:///a"),
        ("/a%20b", "/a%20b", "file:///a%2520b"),
        ("/ünï/#1", "/ünï/#1", "file:///%C3%BCn%C3%AF/%231"),
        ("s3://bucket/gold/", "s3://bucket/gold", "s3://bucket/gold"),
        ("s3a://bucket", "s3://bucket/", "s3://bucket"),
        ("s3://bucket/a/../b", "s3://bucket/b", "s3://bucket/b"),
    ] {
        let location = place(text);
        assert_eq!(location.to_string(), shown, "{text}");
        assert_eq!(location.url().as_str().trim_end_matches('/'), url, "{text}");
    }
}

#[test]
fn what_is_no_location_is_refused_with_the_reason() {
    assert_eq!(problem(" "), LocationError::Empty);
    assert_eq!(
        problem("/a\0b"),
        LocationError::ControlCharacter { position: 3 }
    );
    assert_eq!(
        problem("file:///a%00b"),
        LocationError::ControlCharacter { position: 2 }
    );
    assert_eq!(problem("/.."), LocationError::EscapesRoot);
    assert_eq!(problem("../../.."), LocationError::EscapesRoot);
    assert_eq!(problem("s3://bucket/.."), LocationError::EscapesRoot);
    assert_eq!(problem("s3://bucket/%2e%2e"), LocationError::EscapesRoot);
    assert_eq!(problem("s3:///a"), LocationError::NoBucket);
    assert_eq!(
        problem("/a/*.json"),
        LocationError::Wildcard { wildcard: '*' }
    );
    assert!(matches!(
        problem("hdfs://n/a"),
        LocationError::Scheme { .. }
    ));
    assert!(matches!(
        problem("file://host/a"),
        LocationError::FileHost { .. }
    ));
    assert!(matches!(
        problem("s3://a@b/c"),
        LocationError::Malformed { .. }
    ));
}

#[test]
fn children_are_plain_names() {
    let gold = place("/gold");
    assert_eq!(gold.child("t").unwrap().to_string(), "/gold/t");
    for name in ["", ".", "..", "a/b", "a\n"] {
        assert!(gold.child(name).is_err(), "{name:?}");
    }
    let file = gold.join("t/day=a%2Fb/x").unwrap();
    assert_eq!(file.path().as_ref(), "gold/t/day=a%2Fb/x");
    for path in ["/t", "t//x", "t/../x", "t/"] {
        assert!(gold.join(path).is_err(), "{path:?}");
    }
    assert!(gold.contains(&gold.child("t").unwrap()));
    assert!(!gold.contains(&place("/golden")));
}

#[test]
fn patterns_split_at_the_first_wildcard() {
    let base = FsPath::new("/w");
    let source = SourceLocation::parse("landing/day=*/x?.json", base).unwrap();
    assert_eq!(source.to_string(), "/w/landing/day=*/x?.json");
    let SourceLocation::Pattern {
        base: from,
        segments,
    } = source
    else {
        panic!("not a pattern");
    };
    assert_eq!(from.to_string(), "/w/landing");
    assert_eq!(segments.len(), 2);
    assert!(matches!(
        SourceLocation::parse("landing", base).unwrap(),
        SourceLocation::Single(_)
    ));
    assert!(SourceLocation::parse("/a/**/b", base).is_err());
    assert!(SourceLocation::parse("/a/[", base).is_err());
}

proptest! {
    #[test]
    fn the_url_leads_back_to_the_same_place(
        names in proptest::collection::vec("[^/*?\\[\\x00-\\x1f\\x7f-\\x9f]{1,12}", 1..5),
        s3 in any::<bool>(),
    ) {
        prop_assume!(names.iter().all(|n| n != "." && n != ".." && !n.trim().is_empty()));
        let mut location = place(if s3 { "s3://bucket" } else { "/" });
        for name in &names {
            // Names that cannot be written as a URL are refused.
            let child = location.child(name);
            prop_assume!(child.is_ok());
            location = child.unwrap();
        }
        let url = location.url();
        prop_assert_eq!(&Path::from_url_path(url.path()).unwrap(), location.path());
        prop_assert_eq!(&place(url.as_str()), &location);
        prop_assert_eq!(StoreRoot::from_url(url).unwrap(), location.root.clone());
    }

    #[test]
    fn no_text_panics_or_leaves_the_root(text in "\\PC{0,40}") {
        if let Ok(location) = Location::parse(&text, FsPath::new("/w")) {
            prop_assert!(location.segments.iter().all(|s| s != ".." && s != "." && !s.is_empty()));
        }
    }
}

#[test]
fn a_path_below_is_that_of_the_location_there() {
    for base in [
        "/",
        "/lake/a b",
        "/lake/ä%20",
        "s3://bucket",
        "s3://bucket/a%2Fb",
    ] {
        let base = Location::parse(base, FsPath::new("/")).unwrap();
        for below in [
            "t-0-1-2-ab.json",
            "_joined/0-9-ab-rows.json",
            "day=2026-11-27/x.json",
            "a b.json",
            "ä/%41",
            "A|/x",
            "a\\b",
        ] {
            // At the root, `A|` is taken for a drive, and refused.
            let joined = base.join(below).ok().map(|below| below.path().clone());
            assert_eq!(base.path_below(below).ok(), joined, "{base} {below}");
            assert!(
                joined.is_some() || below.starts_with("A|"),
                "{base} {below}"
            );
        }
        for below in ["", "a//b", "../a", "a/.", "a\nb"] {
            base.path_below(below).unwrap_err();
        }
    }
}
