//! Elements of arrays and maps, and fields of structs.

use super::job::{check_job, check_job_errors, run_job};

#[tokio::test]
async fn brackets_depend_on_what_is_before_them() {
    check_job(&[
        (
            "SELECT tags[0], tags[1] FROM orders WHERE order_id = 1",
            "x|y",
        ),
        ("SELECT tags[order_id - 1] FROM orders", "x\ny"),
        ("SELECT array(1, 2)[CAST(NULL AS INT)]", "NULL"),
        (
            "SELECT props['a'], props['nope'] FROM orders WHERE order_id = 1",
            "1|NULL",
        ),
        (
            "SELECT props[concat('', 'b')] FROM orders WHERE order_id = 1",
            "2",
        ),
        ("SELECT map(1, 'x')[1], map(1, 'x')[2]", "x|NULL"),
        (
            "SELECT address['city'], address['geo']['lat'] FROM orders",
            "Rome|41.9\nOslo|59.9",
        ),
        (
            "SELECT items[1].sku, items[1]['qty'] FROM orders",
            "B2|1\nB2|2",
        ),
        ("SELECT collect_list(order_id)[0] > 0 FROM orders", "true"),
        ("SELECT split('a,b', ',')[1]", "b"),
        ("SELECT array(array(1, 2), array(3))[0][1]", "2"),
    ])
    .await;
}

#[tokio::test]
async fn positions_outside_an_array_fail() {
    check_job_errors(&[
        ("SELECT tags[2] FROM orders", "[INVALID_ARRAY_INDEX]"),
        ("SELECT tags[-1] FROM orders", "[INVALID_ARRAY_INDEX]"),
        (
            "SELECT name[0] FROM emp",
            "a value of type STRING has no elements",
        ),
        (
            "SELECT address[order_id] FROM orders",
            "names that are constants",
        ),
    ])
    .await;
    check_job(&[
        ("SELECT get(tags, 5) FROM orders WHERE order_id = 1", "NULL"),
        (
            "SELECT order_id FROM orders WHERE size(tags) > 7 AND tags[7] = 'x'",
            "",
        ),
    ])
    .await;
}

#[tokio::test]
async fn fields_are_found_in_structs_maps_and_arrays_of_structs() {
    check_job(&[
        ("SELECT address.city, o.address.geo.lat FROM orders o", "Rome|41.9\nOslo|59.9"),
        ("SELECT o.address['city'] FROM orders o", "Rome\nOslo"),
        ("SELECT ADDRESS.City FROM orders", "Rome\nOslo"),
        ("SELECT s.Value AS a, s.VALUE AS b FROM (SELECT named_struct('Value', 1) AS s)", "1|1"),
        ("SELECT props.a FROM orders WHERE order_id = 1", "1"),
        ("SELECT items.sku, items.qty FROM orders", "[A1, B2]|[2, 1]\n[A1, B2]|[2, 2]"),
        ("SELECT items.sku[0], items['sku'][1] FROM orders WHERE order_id = 1", "A1|B2"),
        (
            "SELECT array(named_struct('a', 1), NULL, named_struct('a', NULL)).a",
            "[1, NULL, NULL]",
        ),
        (
            "SELECT transform(items, i -> i.qty * 10), filter(items, (i, at) -> at = 1)[0].sku FROM orders WHERE order_id = 2",
            "[20, 20]|B2",
        ),
    ])
    .await;
    check_job_errors(&[
        ("SELECT address.nope FROM orders", "Field nope not found"),
        (
            "SELECT tags[0].a FROM orders",
            "a value of type STRING has no field `a`",
        ),
    ])
    .await;
}

#[tokio::test]
async fn structs_name_their_fields() {
    check_job(&[
        (
            "SELECT to_json(struct(id, name AS n, id + 1)) FROM emp WHERE id = 1",
            r#"{"id":1,"n":"Ann","col3":2}"#,
        ),
        (
            "SELECT s.name FROM (SELECT struct(name, salary) AS s FROM emp) WHERE s.salary > 100",
            "Ann",
        ),
        ("SELECT struct(1, 'a').col2", "a"),
        (
            "SELECT to_json(struct(*)) FROM wide WHERE id = 1",
            r#"{"id":1,"jan":10,"feb":20}"#,
        ),
        (
            "SELECT struct(o.address.city).city FROM orders o",
            "Rome\nOslo",
        ),
        ("SELECT max(struct(salary, name)).name FROM emp", "Ann"),
    ])
    .await;
}

#[tokio::test]
async fn stars_of_structs_are_their_fields() {
    check_job(&[
        (
            "SELECT order_id, address.* FROM orders",
            "1|Rome|{lat: 41.9}\n2|Oslo|{lat: 59.9}",
        ),
        ("SELECT address.geo.* FROM orders", "41.9\n59.9"),
        (
            "SELECT o.address.geo.*, o.order_id FROM orders o",
            "41.9|1\n59.9|2",
        ),
        (
            "SELECT x.s.* FROM (SELECT named_struct('p', 1, 'q', 'z') AS s) AS x",
            "1|z",
        ),
        (
            "SELECT *, s.* FROM (SELECT 1 AS a, named_struct('p', 2) AS s) t",
            "1|{p: 2}|2",
        ),
        (
            "SELECT o.* EXCEPT (tags, props, address, items) FROM orders o",
            "1\n2",
        ),
        (
            "SELECT item.* FROM orders LATERAL VIEW explode(items) x AS item WHERE order_id = 2",
            "A1|2\nB2|2",
        ),
    ])
    .await;
    let (names, _) = run_job("SELECT order_id, address.* FROM orders")
        .await
        .unwrap();
    assert_eq!(names, ["order_id", "city", "geo"]);
    let (names, _) = run_job("SELECT items[0].sku, address.geo.lat FROM orders")
        .await
        .unwrap();
    assert_eq!(names, ["sku", "lat"]);
    check_job_errors(&[(
        "SELECT name.* FROM emp",
        "`.*` is for relations and structs",
    )])
    .await;
}
