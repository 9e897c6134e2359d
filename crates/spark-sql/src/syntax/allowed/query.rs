//! Queries, set operations, ordering and limits.

use sqlparser::ast::{
    Assignment, AssignmentTarget, Cte, CteAsMaterialized, ExprWithAlias, ExprWithAliasAndOrderBy,
    Fetch, LimitClause, LockClause, ObjectName, Offset, OrderBy, OrderByExpr, OrderByKind,
    OrderByOptions, Parens, PipeOperator, Query, SetExpr, SetOperator, SetQuantifier, Spanned,
    TableAlias, TableAliasColumnDef, Values, With,
};
use sqlparser::tokenizer::Span;

use super::SyntaxWalk;

impl SyntaxWalk {
    pub(super) fn check_query(&mut self, query: &Query) {
        self.within(query.span(), |walk| walk.check_query_parts(query));
    }

    fn check_query_parts(&mut self, query: &Query) {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if let Some(With {
            with_token: _,
            // A common table expression that reads itself.
            recursive: _,
            cte_tables,
        }) = with
        {
            cte_tables.iter().for_each(|cte| self.check_cte(cte));
        }
        self.check_set_expr(body);
        if let Some(order_by) = order_by {
            self.check_order_by(order_by);
        }
        match limit_clause {
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                limit.iter().for_each(|limit| self.check_expr(limit));
                if let Some(Offset { value, rows: _ }) = offset {
                    self.check_expr(value);
                }
                if let Some(first) = limit_by.first() {
                    self.refuse(
                        first.span(),
                        "LIMIT … BY is not supported",
                        "write QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) <= n",
                    );
                }
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit: _ }) => self.refuse(
                offset.span(),
                "LIMIT with a comma is not supported",
                "write LIMIT count OFFSET skipped",
            ),
            None => {}
        }
        if let Some(Fetch {
            with_ties: _,
            percent: _,
            quantity: _,
        }) = fetch
        {
            self.refuse(query.span(), "FETCH is not supported", "write LIMIT n");
        }
        if let Some(LockClause {
            lock_type: _,
            of: _,
            nonblock: _,
        }) = locks.first()
        {
            self.refuse(
                query.span(),
                "a query cannot lock rows",
                "leave FOR UPDATE out",
            );
        }
        self.refuse_some(
            for_clause.as_ref(),
            "FOR XML, FOR JSON and FOR BROWSE are not supported",
            "write to_json(…) in the select list, or leave the clause out",
        );
        self.refuse_some(
            settings.as_ref(),
            "SETTINGS is not supported",
            "write SET statements in the job file",
        );
        self.refuse_some(
            format_clause.as_ref(),
            "FORMAT is not supported",
            "leave it out: datasets are written as Delta tables",
        );
        for operator in pipe_operators {
            self.check_pipe_operator(operator);
        }
    }

    fn check_cte(&mut self, cte: &Cte) {
        let Cte {
            alias,
            query,
            from,
            materialized,
            closing_paren_token: _,
        } = cte;
        self.check_table_alias(alias);
        if let Some(from) = from {
            self.refuse(
                from.span,
                "WITH name AS (…) FROM is not supported",
                "write SELECT … FROM after the WITH",
            );
        }
        match materialized {
            Some(CteAsMaterialized::Materialized | CteAsMaterialized::NotMaterialized) => self
                .refuse(
                    alias.name.span,
                    "AS [NOT] MATERIALIZED is not supported",
                    "write AS (…); a view that several datasets read is computed once",
                ),
            None => {}
        }
        self.check_query(query);
    }

    pub(super) fn check_table_alias(&mut self, alias: &TableAlias) {
        let TableAlias {
            explicit: _,
            name,
            columns,
            at,
        } = alias;
        self.check_name(name);
        for TableAliasColumnDef { name, data_type } in columns {
            self.check_name(name);
            if data_type.is_some() {
                self.refuse(
                    name.span,
                    "types in the column list of an alias are not supported",
                    "write names only, and CAST in the select list",
                );
            }
        }
        if at.is_some() {
            self.refuse(
                name.span,
                "AT after an alias is not supported",
                "leave it out",
            );
        }
    }

    pub(super) fn check_set_expr(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.check_select(select),
            SetExpr::Query(query) => self.check_query(query),
            SetExpr::SetOperation {
                left,
                op,
                set_quantifier,
                right,
            } => {
                self.check_set_quantifier(*op, *set_quantifier);
                self.check_set_expr(left);
                self.check_set_expr(right);
            }
            SetExpr::Values(Values {
                explicit_row,
                value_keyword,
                rows,
            }) => {
                if *explicit_row || *value_keyword {
                    self.refuse(
                        body.span(),
                        "this form of VALUES is not supported",
                        "write VALUES (1, 'a'), (2, 'b')",
                    );
                }
                for Parens {
                    opening_token: _,
                    content,
                    closing_token: _,
                } in rows
                {
                    content.iter().for_each(|value| self.check_expr(value));
                }
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                self.refuse(
                    body.span(),
                    "a query cannot change rows",
                    "begin it with SELECT",
                );
            }
            SetExpr::Table(_) => self.refuse(
                body.span(),
                "`TABLE name` is not supported",
                "write SELECT * FROM name",
            ),
        }
    }

    fn check_set_quantifier(&mut self, op: SetOperator, quantifier: SetQuantifier) {
        match op {
            SetOperator::Union
            | SetOperator::Except
            | SetOperator::Intersect
            | SetOperator::Minus => {}
        }
        match quantifier {
            SetQuantifier::All | SetQuantifier::Distinct | SetQuantifier::None => {}
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                self.refuse(
                    Span::empty(),
                    "set operations BY NAME are not supported",
                    "list the columns of both queries in the same order",
                );
            }
        }
    }

    fn check_order_by(&mut self, order_by: &OrderBy) {
        let OrderBy { kind, interpolate } = order_by;
        match kind {
            OrderByKind::All(options) => check_order_options(options),
            OrderByKind::Expressions(exprs) => self.check_order_exprs(exprs),
        }
        self.refuse_some(
            interpolate.as_ref(),
            "INTERPOLATE is not supported",
            "join with the rows of explode(sequence(…)) instead",
        );
    }

    pub(super) fn check_order_exprs(&mut self, exprs: &[OrderByExpr]) {
        for order in exprs {
            let OrderByExpr {
                expr,
                options,
                with_fill,
            } = order;
            self.check_expr(expr);
            check_order_options(options);
            if with_fill.is_some() {
                self.refuse(
                    expr.span(),
                    "ORDER BY … WITH FILL is not supported",
                    "join with the rows of explode(sequence(…)) instead",
                );
            }
        }
    }

    fn check_pipe_operator(&mut self, operator: &PipeOperator) {
        match operator {
            PipeOperator::Limit { expr, offset } => {
                self.check_expr(expr);
                offset.iter().for_each(|offset| self.check_expr(offset));
            }
            PipeOperator::Where { expr } => self.check_expr(expr),
            PipeOperator::OrderBy { exprs } => self.check_order_exprs(exprs),
            PipeOperator::Select { exprs } | PipeOperator::Extend { exprs } => {
                exprs.iter().for_each(|item| self.check_select_item(item));
            }
            PipeOperator::As { alias } => self.check_name(alias),
            PipeOperator::Aggregate {
                full_table_exprs,
                group_by_expr,
            } => {
                for ExprWithAliasAndOrderBy {
                    expr: ExprWithAlias { expr, alias: _ },
                    order_by,
                } in full_table_exprs.iter().chain(group_by_expr)
                {
                    self.check_expr(expr);
                    let OrderByOptions { asc, nulls_first } = order_by;
                    if asc.is_some() || nulls_first.is_some() {
                        self.refuse(
                            expr.span(),
                            "an order in AGGREGATE is not supported",
                            "write |> ORDER BY … after it",
                        );
                    }
                }
            }
            PipeOperator::Union {
                set_quantifier,
                queries,
            } => self.check_piped_set(SetOperator::Union, *set_quantifier, queries),
            PipeOperator::Intersect {
                set_quantifier,
                queries,
            } => self.check_piped_set(SetOperator::Intersect, *set_quantifier, queries),
            PipeOperator::Except {
                set_quantifier,
                queries,
            } => self.check_piped_set(SetOperator::Except, *set_quantifier, queries),
            PipeOperator::Join(join) => self.check_join(join),
            PipeOperator::Drop { columns: _ } => {}
            PipeOperator::Set { assignments } => {
                for Assignment { target, value } in assignments {
                    match target {
                        AssignmentTarget::ColumnName(ObjectName(parts)) if parts.len() == 1 => {}
                        AssignmentTarget::ColumnName(_) | AssignmentTarget::Tuple(_) => self
                            .refuse(
                                target.span(),
                                "|> SET assigns to one column at a time",
                                "write |> SET a = 1, b = 2",
                            ),
                    }
                    self.check_expr(value);
                }
            }
            PipeOperator::Pivot {
                aggregate_functions,
                value_column: _,
                value_source,
                alias: _,
            } => {
                self.check_named_exprs(aggregate_functions);
                self.check_pivot_values(value_source, self.place);
            }
            PipeOperator::Unpivot {
                value_column: _,
                name_column: _,
                unpivot_columns: _,
                alias: _,
            } => {}
            PipeOperator::TableSample { sample } => self.check_sampled_rows(sample),
            PipeOperator::Rename { mappings: _ } => self.refuse(
                Span::empty(),
                "|> RENAME is not supported",
                "write |> EXTEND a AS b |> DROP a",
            ),
            PipeOperator::Call {
                function: _,
                alias: _,
            } => self.refuse(
                Span::empty(),
                "|> CALL is not supported",
                "write the function in FROM or in LATERAL",
            ),
        }
    }

    fn check_piped_set(
        &mut self,
        op: SetOperator,
        set_quantifier: SetQuantifier,
        queries: &[Query],
    ) {
        self.check_set_quantifier(op, set_quantifier);
        queries.iter().for_each(|query| self.check_query(query));
    }
}

/// Both options are handled everywhere.
fn check_order_options(options: &OrderByOptions) {
    let OrderByOptions {
        asc: _,
        nulls_first: _,
    } = options;
}
