//! Expressions of other databases.

use sqlparser::ast::{DictionaryField, Expr, MemberOf, Spanned};

use super::SyntaxWalk;

impl SyntaxWalk {
    /// Reports expressions of other databases. Those that are handled are listed
    /// again, so that this match is complete.
    pub(super) fn refuse_foreign(&mut self, expr: &Expr) {
        let (what, help) = match expr {
            Expr::IsNormalized {
                expr: _,
                form: _,
                negated: _,
            } => ("IS NORMALIZED", ""),
            Expr::InUnnest {
                expr: _,
                array_expr: _,
                negated: _,
            }
            | Expr::MemberOf(MemberOf { value: _, array: _ }) => (
                "IN UNNEST and MEMBER OF",
                "write array_contains(array, value)",
            ),
            Expr::SimilarTo {
                negated: _,
                expr: _,
                pattern: _,
                escape_char: _,
            } => ("SIMILAR TO", "write RLIKE 'pattern'"),
            Expr::AnyOp {
                left: _,
                compare_op: _,
                right: _,
                is_some: _,
            }
            | Expr::AllOp {
                left: _,
                compare_op: _,
                right: _,
            } => (
                "a comparison with ANY, SOME or ALL",
                "write IN (…), array_contains(array, value), or compare with (SELECT max(…) …)",
            ),
            Expr::Convert {
                is_try: _,
                expr: _,
                data_type: _,
                charset: _,
                target_before_value: _,
                styles: _,
            } => ("CONVERT", "write CAST(x AS type)"),
            Expr::AtTimeZone {
                timestamp: _,
                time_zone: _,
            } => (
                "AT TIME ZONE",
                "write from_utc_timestamp(ts, 'zone') or to_utc_timestamp(ts, 'zone')",
            ),
            Expr::Collate {
                expr: _,
                collation: _,
            } => ("COLLATE", "compare lower(text), or leave it out"),
            Expr::Prefixed {
                prefix: _,
                value: _,
            } => ("a string with a character set", "write the string alone"),
            Expr::Named { expr: _, name: _ } => (
                "a name here",
                "write the name in struct(x AS name) or named_struct('name', x)",
            ),
            Expr::Dictionary(fields) => {
                for DictionaryField { key: _, value: _ } in fields {}
                ("{…}", "write named_struct('a', 1) or map('a', 1)")
            }
            Expr::MatchAgainst {
                columns: _,
                match_value: _,
                opt_search_modifier: _,
            } => ("MATCH … AGAINST", "write LIKE or RLIKE"),
            Expr::Wildcard(_) | Expr::QualifiedWildcard(_, _) => ("* here", "list the columns"),
            Expr::OuterJoin(_) => ("(+)", "write LEFT JOIN … ON"),
            Expr::Prior(_) => ("PRIOR", "write WITH RECURSIVE"),
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::CompoundFieldAccess {
                root: _,
                access_chain: _,
            }
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(_, _)
            | Expr::IsNotDistinctFrom(_, _)
            | Expr::InList {
                expr: _,
                list: _,
                negated: _,
            }
            | Expr::InSubquery {
                expr: _,
                subquery: _,
                negated: _,
            }
            | Expr::Between {
                expr: _,
                negated: _,
                low: _,
                high: _,
            }
            | Expr::BinaryOp {
                left: _,
                op: _,
                right: _,
            }
            | Expr::Like {
                negated: _,
                any: _,
                expr: _,
                pattern: _,
                escape_char: _,
            }
            | Expr::ILike {
                negated: _,
                any: _,
                expr: _,
                pattern: _,
                escape_char: _,
            }
            | Expr::RLike {
                negated: _,
                expr: _,
                pattern: _,
                regexp: _,
            }
            | Expr::UnaryOp { op: _, expr: _ }
            | Expr::Cast {
                kind: _,
                expr: _,
                data_type: _,
                array: _,
                format: _,
            }
            | Expr::Extract {
                field: _,
                syntax: _,
                expr: _,
            }
            | Expr::Ceil { expr: _, field: _ }
            | Expr::Floor { expr: _, field: _ }
            | Expr::Position { expr: _, r#in: _ }
            | Expr::Substring {
                expr: _,
                substring_from: _,
                substring_for: _,
                special: _,
                shorthand: _,
            }
            | Expr::Trim {
                trim_where: _,
                trim_what: _,
                expr: _,
                trim_characters: _,
            }
            | Expr::Overlay {
                expr: _,
                overlay_what: _,
                overlay_from: _,
                overlay_for: _,
            }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::TypedString(_)
            | Expr::Function(_)
            | Expr::Case {
                case_token: _,
                end_token: _,
                operand: _,
                conditions: _,
                else_result: _,
            }
            | Expr::Exists {
                subquery: _,
                negated: _,
            }
            | Expr::Subquery(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Tuple(_)
            | Expr::Struct {
                values: _,
                fields: _,
            }
            | Expr::Map(_)
            | Expr::Array(_)
            | Expr::Interval(_)
            | Expr::JsonAccess { value: _, path: _ }
            | Expr::Lambda(_) => return,
        };
        self.refuse(expr.span(), &format!("{what} is not supported"), help);
    }
}
