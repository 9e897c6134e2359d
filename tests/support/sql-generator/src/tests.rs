#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

#[test]
fn a_seed_gives_the_same_tables_and_queries() {
    let nothing = BTreeSet::new();
    for seed in 0..50 {
        let tables = generate_tables(seed, &BTreeSet::new());
        assert_eq!(tables, generate_tables(seed, &BTreeSet::new()));
        let (query, record) = generate_query(seed, &tables, &nothing);
        let (again, used) = replay_query(&record, &tables, &nothing);
        assert_eq!(query.sql, again.sql);
        assert_eq!(record, used);
    }
    assert_ne!(
        generate_tables(1, &BTreeSet::new()),
        generate_tables(2, &BTreeSet::new())
    );
}

#[test]
fn no_choices_give_the_simplest_query() {
    let tables = generate_tables(1, &BTreeSet::new());
    let (query, _) = replay_query(&[], &tables, &BTreeSet::new());
    assert_eq!(query.sql, Sql::same("SELECT q1.id AS c0 FROM t0 AS q1"));
}

#[test]
fn every_smaller_record_gives_a_query() {
    let (tables, nothing) = (generate_tables(3, &BTreeSet::new()), BTreeSet::new());
    let (_, record) = generate_query(5, &tables, &nothing);
    for smaller in shrink_record(&record) {
        let (query, used) = replay_query(&smaller, &tables, &nothing);
        assert!(query.sql.spark.contains("SELECT"));
        assert_eq!(replay_query(&used, &tables, &nothing).0.sql, query.sql);
    }
}

#[test]
fn queries_have_every_form_and_no_form_that_is_switched_off() {
    let tables = generate_tables(9, &BTreeSet::new());
    let texts = |without: &BTreeSet<Feature>| -> Vec<String> {
        (0..3000)
            .map(|seed| generate_query(seed, &tables, without).0.sql.spark)
            .collect()
    };
    let all = texts(&BTreeSet::new());
    let forms = [
        "FULL JOIN",
        "LEFT SEMI JOIN",
        "LEFT ANTI JOIN",
        "CROSS JOIN",
        "NATURAL",
        "USING (",
        "RANGE BETWEEN",
        "ROWS BETWEEN",
        "IGNORE NULLS",
        "FILTER (WHERE",
        "QUALIFY",
        "GROUPING SETS",
        "ROLLUP",
        "CUBE",
        "HAVING",
        "INTERSECT ALL",
        "EXCEPT ALL",
        "UNION ALL",
        "NOT IN (SELECT",
        "NOT EXISTS (SELECT",
        "WITH w_",
        "explode(",
        "count(DISTINCT",
        "LIMIT",
        "OFFSET",
        "CASE WHEN",
        "IS NOT DISTINCT FROM",
        "['a']",
        ".st.a",
        "element_at(",
        "JOIN LATERAL (SELECT",
        " OR (q",
    ];
    for form in forms {
        assert!(
            all.iter().any(|text| text.contains(form)),
            "no query has {form}"
        );
    }
    let without: BTreeSet<Feature> = Feature::ALL.into_iter().collect();
    for text in texts(&without) {
        for form in [
            "IGNORE NULLS",
            "INTERSECT ALL",
            "EXCEPT ALL",
            "NOT IN (SELECT",
            "NATURAL FULL",
            "LATERAL (",
        ] {
            assert!(!text.contains(form), "{form} in {text}");
        }
    }
}

#[test]
fn rows_are_spread_over_the_files() {
    for seed in 0..20 {
        for table in generate_tables(seed, &BTreeSet::new()) {
            let lines: usize = table
                .json_files()
                .iter()
                .map(|file| file.lines().count())
                .sum();
            assert_eq!(lines, table.rows.len());
            assert_eq!(table.json_files().len(), table.files);
        }
    }
}
