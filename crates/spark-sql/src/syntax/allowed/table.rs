//! Relations in FROM, and joins.

use sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, Join, JoinConstraint, JoinOperator,
    PivotValueSource, Spanned, TableAlias, TableFactor, TableFunctionArgs, TableSample,
    TableSampleKind, TableWithJoins,
};
use sqlparser::tokenizer::Span;

use super::super::samples;
use super::SyntaxWalk;

impl SyntaxWalk {
    pub(super) fn check_table_factor(&mut self, factor: &TableFactor) {
        self.within(factor.span(), |walk| walk.check_relation(factor));
    }

    fn check_relation(&mut self, factor: &TableFactor) {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                self.check_optional_alias(alias.as_ref());
                if let Some(TableFunctionArgs { args, settings }) = args {
                    args.iter().for_each(|arg| self.check_table_argument(arg));
                    self.refuse_some(
                        settings.as_ref(),
                        "SETTINGS in a table function is not supported",
                        "leave it out",
                    );
                }
                self.refuse_some(
                    with_hints.first(),
                    "WITH (…) after a table is not supported",
                    "leave the hint out",
                );
                if version.is_some() {
                    self.refuse(
                        name.span(),
                        "a version of a table is not supported",
                        "leave AS OF out: a job reads the files that exist when it begins",
                    );
                }
                self.refuse_ordinality(*with_ordinality);
                self.refuse_some(
                    partitions.first(),
                    "PARTITION after a table is not supported",
                    "write a WHERE on the partition's column",
                );
                self.refuse_some(
                    json_path.as_ref(),
                    "a path after a table's name is not supported",
                    "write the path in the select list",
                );
                self.check_sample(sample.as_ref());
                self.refuse_some(
                    index_hints.first(),
                    "index hints are not supported",
                    "leave them out",
                );
            }
            TableFactor::Derived {
                lateral: _,
                subquery,
                alias,
                sample,
            } => {
                self.check_query(subquery);
                self.check_optional_alias(alias.as_ref());
                self.check_sample(sample.as_ref());
            }
            TableFactor::TableFunction { expr, alias: _ } => self.refuse(
                expr.span(),
                "TABLE(…) is not supported",
                "write the function's name in FROM",
            ),
            TableFactor::Function {
                lateral: _,
                name: _,
                args,
                with_ordinality,
                alias,
            } => {
                args.iter().for_each(|arg| self.check_table_argument(arg));
                self.refuse_ordinality(*with_ordinality);
                self.check_optional_alias(alias.as_ref());
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset,
                with_offset_alias: _,
                with_ordinality,
            } => {
                array_exprs.iter().for_each(|expr| self.check_expr(expr));
                self.refuse_ordinality(*with_ordinality || *with_offset);
                self.check_optional_alias(alias.as_ref());
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                let TableWithJoins { relation, joins } = table_with_joins.as_ref();
                self.check_table_factor(relation);
                joins.iter().for_each(|join| self.check_join(join));
                self.check_optional_alias(alias.as_ref());
            }
            TableFactor::Pivot {
                table,
                aggregate_functions,
                value_column,
                value_source,
                default_on_null,
                alias,
            } => {
                self.check_table_factor(table);
                self.check_named_exprs(aggregate_functions);
                value_column
                    .iter()
                    .for_each(|expr| self.check_pivot_value(expr));
                self.check_pivot_values(value_source, factor.span());
                self.refuse_some(
                    default_on_null.as_ref(),
                    "DEFAULT ON NULL in PIVOT is not supported",
                    "write coalesce(…) in the select list",
                );
                self.check_optional_alias(alias.as_ref());
            }
            TableFactor::Unpivot {
                table,
                value,
                name: _,
                columns,
                null_inclusion: _,
                alias,
            } => {
                self.check_table_factor(table);
                self.check_expr(value);
                self.check_named_exprs(columns);
                self.check_optional_alias(alias.as_ref());
            }
            TableFactor::JsonTable {
                json_expr: _,
                json_path: _,
                columns: _,
                alias: _,
            }
            | TableFactor::OpenJsonTable {
                json_expr: _,
                json_path: _,
                columns: _,
                alias: _,
            } => self.refuse(
                factor.span(),
                "JSON_TABLE is not supported",
                "write from_json(…) and explode the array",
            ),
            TableFactor::MatchRecognize {
                table: _,
                partition_by: _,
                order_by: _,
                measures: _,
                rows_per_match: _,
                after_match_skip: _,
                pattern: _,
                symbols: _,
                alias: _,
            } => self.refuse(
                factor.span(),
                "MATCH_RECOGNIZE is not supported",
                "compare rows with lag(…) and lead(…)",
            ),
            TableFactor::XmlTable {
                namespaces: _,
                row_expression: _,
                passing: _,
                columns: _,
                alias: _,
            } => self.refuse(factor.span(), "XMLTABLE is not supported", ""),
            TableFactor::SemanticView {
                name: _,
                dimensions: _,
                metrics: _,
                facts: _,
                where_clause: _,
                alias: _,
            } => self.refuse(
                factor.span(),
                "SEMANTIC_VIEW is not supported",
                "write the view's query",
            ),
        }
    }

    pub(super) fn check_pivot_values(&mut self, source: &PivotValueSource, place: Span) {
        match source {
            PivotValueSource::List(values) => self.check_named_exprs(values),
            PivotValueSource::Any(_) | PivotValueSource::Subquery(_) => self.refuse(
                place,
                "the values of PIVOT must be listed",
                "write PIVOT (… FOR column IN ('a', 'b'))",
            ),
        }
    }

    /// A value of PIVOT; `(a, b)` is one for several columns.
    fn check_pivot_value(&mut self, expr: &Expr) {
        match expr {
            Expr::Tuple(parts) => parts.iter().for_each(|part| self.check_expr(part)),
            expr => self.check_expr(expr),
        }
    }

    pub(super) fn check_named_exprs(&mut self, exprs: &[ExprWithAlias]) {
        for ExprWithAlias { expr, alias: _ } in exprs {
            self.check_pivot_value(expr);
        }
    }

    fn check_optional_alias(&mut self, alias: Option<&TableAlias>) {
        if let Some(alias) = alias {
            self.check_table_alias(alias);
        }
    }

    fn refuse_ordinality(&mut self, with_ordinality: bool) {
        if with_ordinality {
            self.refuse(
                self.place,
                "WITH ORDINALITY and WITH OFFSET are not supported",
                "write LATERAL VIEW posexplode(items) t AS pos, item",
            );
        }
    }

    fn check_sample(&mut self, sample: Option<&TableSampleKind>) {
        match sample {
            None => {}
            Some(
                TableSampleKind::BeforeTableAlias(sample)
                | TableSampleKind::AfterTableAlias(sample),
            ) => self.check_sampled_rows(sample),
        }
    }

    pub(super) fn check_sampled_rows(&mut self, sample: &TableSample) {
        if samples::sampled_rows(sample).is_none() {
            self.refuse(
                self.place,
                "TABLESAMPLE is not supported, except for (n ROWS) and (100 PERCENT)",
                "write a condition that chooses the same rows on every run, such as \
                 WHERE pmod(hash(id), 100) < 10 for about 10 percent",
            );
        }
    }

    fn check_table_argument(&mut self, argument: &FunctionArg) {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => self.check_expr(expr),
            FunctionArg::Unnamed(
                FunctionArgExpr::QualifiedWildcard(_)
                | FunctionArgExpr::Wildcard
                | FunctionArgExpr::WildcardWithOptions(_),
            )
            | FunctionArg::Named {
                name: _,
                arg: _,
                operator: _,
            }
            | FunctionArg::ExprNamed {
                name: _,
                arg: _,
                operator: _,
            } => self.refuse(
                self.place,
                "this form of argument is not supported in a table function",
                "write the arguments by position",
            ),
        }
    }

    pub(super) fn check_join(&mut self, join: &Join) {
        let Join {
            relation,
            global,
            join_operator,
        } = join;
        self.check_table_factor(relation);
        let place = relation.span();
        if *global {
            self.refuse(place, "GLOBAL JOIN is not supported", "leave GLOBAL out");
        }
        match join_operator {
            JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::Semi(constraint)
            | JoinOperator::LeftSemi(constraint)
            | JoinOperator::Anti(constraint)
            | JoinOperator::LeftAnti(constraint) => self.check_constraint(constraint),
            JoinOperator::RightSemi(_) | JoinOperator::RightAnti(_) => self.refuse(
                place,
                "RIGHT SEMI and RIGHT ANTI joins are not supported",
                "exchange the two sides: LEFT SEMI JOIN, LEFT ANTI JOIN",
            ),
            JoinOperator::CrossJoin(JoinConstraint::None) => {}
            JoinOperator::CrossJoin(_) => self.refuse(
                place,
                "CROSS JOIN has no condition",
                "write JOIN … ON, or put the condition into WHERE",
            ),
            JoinOperator::CrossApply | JoinOperator::OuterApply => self.refuse(
                place,
                "APPLY is not supported",
                "write CROSS JOIN LATERAL (…) or LEFT JOIN LATERAL (…) ON true",
            ),
            JoinOperator::AsOf {
                match_condition: _,
                constraint: _,
            } => self.refuse(
                place,
                "ASOF JOIN is not supported",
                "join on the key and `<=`, and keep the latest row with QUALIFY row_number()",
            ),
            JoinOperator::StraightJoin(_) => {
                self.refuse(place, "STRAIGHT_JOIN is not supported", "write JOIN");
            }
            JoinOperator::ArrayJoin
            | JoinOperator::LeftArrayJoin
            | JoinOperator::InnerArrayJoin => {
                self.refuse(
                    place,
                    "ARRAY JOIN is not supported",
                    "write LATERAL VIEW explode(items) t AS item",
                );
            }
        }
    }

    fn check_constraint(&mut self, constraint: &JoinConstraint) {
        match constraint {
            JoinConstraint::On(condition) => self.check_expr(condition),
            JoinConstraint::Using(_) | JoinConstraint::Natural | JoinConstraint::None => {}
        }
    }
}
