use super::super::testing::check_answers;

#[test]
fn numbers_have_the_type_of_their_format() {
    check_answers(&[
        ("to_number('12,454.8-', '99,999.9S')", "-12454.8"),
        ("try_to_number('x', '99')", "NULL"),
        (
            "to_number('x', '99')",
            "error: does not have the format '99'",
        ),
        ("to_number('1', 'abc')", "error: is no format of numbers"),
        ("typeof(to_number('454.00', '000.00'))", "decimal(5,2)"),
        ("to_char(DATE'2016-04-08', 'y')", "2016"),
        ("to_char(unhex('537061726B'), 'base64')", "U3Bhcms="),
        ("to_char(454, '999')", "454"),
        ("to_char(0, '999')", "   "),
        ("to_char(0.5, '9.99')", "0.50"),
        ("to_char(-0.5, 'S0.9')", "-0.5"),
        ("to_char(5, '9,999')", "    5"),
        ("to_char(5, '0,000')", "0,005"),
        ("to_char(100, '099,999')", "000,100"),
        ("to_char(5.25, '9.9')", "#.#"),
        ("to_char(123, '99')", "##"),
        ("to_char(CAST(12.5 AS DOUBLE), '$999.00')", "$ 12.50"),
        ("to_char(-12, 'S$99')", "-$12"),
        ("to_char(-12.3, '99.9PR')", "<12.3>"),
        // Signs are next to the digits.
        ("to_char(-3, 'S999')", "  -3"),
        ("to_char(3, 'S999')", "  +3"),
        ("to_char(-3, 'MI999')", "  -3"),
        ("to_char(-3, '999PR')", "  <3>"),
        ("to_char(-3, 'S$999')", "-$  3"),
        ("to_char(-30, 'S9G999')", "   -30"),
        ("to_char(-0.5, 'S99.9')", "  -.5"),
        ("to_char(-12454.8, '99G999D9S')", "12,454.8-"),
        ("to_char(12, 'xyz')", "error: is no format of numbers"),
        ("to_char('5', '9')", "error: CAST a text"),
    ]);
}
