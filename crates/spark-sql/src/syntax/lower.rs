//! Clauses of Spark that the planner has in another form, or ignores.

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, visit_nodes_mut};
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Expr, GroupByExpr, Join, JoinConstraint, JoinOperator, LimitClause, OrderByExpr, OrderByKind,
    Query, Select, SelectFlavor, SelectItem, SetExpr, SetOperator, SetQuantifier, Spanned,
    TableFactor, TableWithJoins, Value, Values, VisitorMut, WildcardAdditionalOptions,
};

use super::{
    error_at, generators, grouping, membership, samples, session_windows, struct_stars,
    time_windows, windows,
};
use crate::relations::carrier::SetOperation;

/// Rewrites the clauses of all queries in `query`.
pub(super) fn lower_clauses(query: &mut Query) -> Vec<Diagnostic> {
    let mut lowering = ClauseLowering {
        generators: 0,
        problems: Vec::new(),
    };
    let _ = visit_nodes_mut(query, &mut lowering);
    lowering.problems
}

struct ClauseLowering {
    /// How many generated names there are.
    generators: usize,
    problems: Vec<Diagnostic>,
}

impl VisitorMut for ClauseLowering {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        self.check_sort_by(query);
        list_order_of_all(query);
        lower_set_operators(&mut query.body);
        if let SetExpr::Select(select) = query.body.as_mut() {
            let problems = windows::replace_window_names(select, query.order_by.as_mut());
            self.problems.extend(problems);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        self.problems
            .extend(windows::replace_window_names(select, None));
        self.problems
            .extend(session_windows::rewrite_session_windows(select));
        self.problems
            .extend(time_windows::rewrite_time_windows(select));
        grouping::rewrite_group_by(select);
        // Where rows are processed and how they are ordered until the next
        // shuffle does not change them.
        select.cluster_by.clear();
        select.distribute_by.clear();
        select.sort_by.clear();
        self.lower_memberships(select);
        let problems = generators::rewrite_generators(select, &mut self.generators);
        self.problems.extend(problems);
        self.problems.extend(struct_stars::expand_struct_stars(
            select,
            &mut self.generators,
        ));
        for from in &mut select.from {
            from.joins.iter_mut().for_each(lower_join);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        samples::lower_sample(factor);
        if let TableFactor::NestedJoin {
            table_with_joins, ..
        } = factor
        {
            table_with_joins.joins.iter_mut().for_each(lower_join);
        }
        ControlFlow::Continue(())
    }
}

impl ClauseLowering {
    /// Rewrites `(a, b) IN (SELECT …)`.
    fn lower_memberships(&mut self, select: &mut Select) {
        let template = empty_select();
        let conditions = [
            &mut select.selection,
            &mut select.having,
            &mut select.qualify,
        ];
        for condition in conditions.into_iter().flatten() {
            membership::rewrite_condition(condition, &template);
        }
        let _ = visit_nodes_mut(select, &mut MembershipValues { template });
    }

    /// With LIMIT, the order decides which rows are kept.
    fn check_sort_by(&mut self, query: &Query) {
        let SetExpr::Select(select) = query.body.as_ref() else {
            return;
        };
        let limited = matches!(
            &query.limit_clause,
            Some(LimitClause::LimitOffset { .. } | LimitClause::OffsetCommaLimit { .. })
        );
        let sorted = select
            .sort_by
            .first()
            .map(Spanned::span)
            .or_else(|| select.cluster_by.first().map(Spanned::span));
        if let (true, Some(place)) = (limited, sorted) {
            self.problems.push(
                error_at(
                    "SORT BY and CLUSTER BY do not order the rows of a LIMIT",
                    place,
                )
                .with_help("write ORDER BY"),
            );
        }
    }
}

/// `ORDER BY ALL` as `ORDER BY 1, 2, …`; the planner knows it for plain columns only.
fn list_order_of_all(query: &mut Query) {
    let (SetExpr::Select(select), Some(order_by)) = (query.body.as_ref(), &mut query.order_by)
    else {
        return;
    };
    let OrderByKind::All(options) = &order_by.kind else {
        return;
    };
    let has_star = select.projection.iter().any(|item| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
        )
    });
    if has_star || select.projection.is_empty() {
        return;
    }
    let positions = (1..=select.projection.len()).map(|at| OrderByExpr {
        expr: Expr::Value(Value::Number(at.to_string(), false).into()),
        options: *options,
        with_fill: None,
    });
    order_by.kind = OrderByKind::Expressions(positions.collect());
}

struct MembershipValues {
    template: Select,
}

impl VisitorMut for MembershipValues {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        membership::rewrite_value(expr, &self.template);
        ControlFlow::Continue(())
    }
}

/// A SELECT without any clause.
pub(super) fn empty_select() -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: Vec::new(),
        exclude: None,
        into: None,
        from: Vec::new(),
        lateral_views: Vec::new(),
        prewhere: None,
        selection: None,
        connect_by: Vec::new(),
        group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}

/// Gives INTERSECT and EXCEPT to the crate's own planner.
fn lower_set_operators(body: &mut SetExpr) {
    let SetExpr::SetOperation {
        op,
        set_quantifier,
        left,
        right,
    } = body
    else {
        return;
    };
    lower_set_operators(left);
    lower_set_operators(right);
    if *op == SetOperator::Union {
        return;
    }
    let take = |side: &mut Box<SetExpr>| {
        let values = SetExpr::Values(Values {
            explicit_row: false,
            value_keyword: false,
            rows: Vec::new(),
        });
        match std::mem::replace(side.as_mut(), values) {
            SetExpr::Query(query) => *query,
            other => generators::query_of(other),
        }
    };
    let operation = SetOperation {
        operator: match op {
            SetOperator::Intersect => SetOperator::Intersect,
            _ => SetOperator::Except,
        },
        all: *set_quantifier == SetQuantifier::All,
        left: take(left),
        right: take(right),
    };
    let mut select = empty_select();
    select.projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
    select.from = vec![TableWithJoins {
        relation: operation.into_factor(),
        joins: Vec::new(),
    }];
    *body = SetExpr::Select(Box::new(select));
}

fn lower_join(join: &mut Join) {
    let operator = std::mem::replace(&mut join.join_operator, JoinOperator::CrossApply);
    join.join_operator = match operator {
        JoinOperator::Semi(constraint) => JoinOperator::LeftSemi(constraint),
        JoinOperator::Anti(constraint) => JoinOperator::LeftAnti(constraint),
        other => other,
    };
    if let JoinOperator::Left(constraint)
    | JoinOperator::LeftOuter(constraint)
    | JoinOperator::Right(constraint)
    | JoinOperator::RightOuter(constraint)
    | JoinOperator::FullOuter(constraint)
    | JoinOperator::LeftSemi(constraint)
    | JoinOperator::LeftAnti(constraint) = &mut join.join_operator
        && *constraint == JoinConstraint::None
    {
        // Without a condition each row matches each.
        *constraint = JoinConstraint::On(Expr::Value(Value::Boolean(true).into()));
    }
}
