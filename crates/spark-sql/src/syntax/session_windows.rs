//! `session_window(time, '5 minutes')`: rows whose times are near each other.
//!
//! A session of a group goes on as long as the next row comes within the gap. So FROM
//! becomes a subquery that numbers the sessions of each group, with a column
//! `session_window`, and the calls that column.

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, visit_nodes_mut};
use sqlparser::ast::{
    CastKind, DataType, Expr, Function, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr,
    Spanned, TableAlias, TableFactor, TimezoneInfo, VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::error_at;
use super::generators::without_joins;
use super::struct_stars::relation_names;
use super::time_windows::{constant_micros, plain_arguments};

const COLUMN: &str = "session_window";

/// Rewrites the sessions of one SELECT.
pub(super) fn rewrite_session_windows(select: &mut Select) -> Option<Diagnostic> {
    let mut replacer = SessionReplacer {
        call: None,
        differs: false,
        depth: 0,
    };
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = visit_nodes_mut(expr, &mut replacer);
        }
    }
    let mut keys = Vec::new();
    if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
        let _ = visit_nodes_mut(exprs, &mut replacer);
        keys.extend(
            exprs
                .iter()
                .filter(|expr| !is_session_column(expr))
                .cloned(),
        );
    }
    let _ = visit_nodes_mut(&mut select.having, &mut replacer);
    let call = replacer.call?;
    let problem =
        |message: &str, help: &str| Some(error_at(message, call.name.span()).with_help(help));
    if replacer.differs {
        return problem(
            "a SELECT can have one kind of session",
            "compute the other one in a subquery",
        );
    }
    let sets = |key: &Expr| {
        matches!(
            key,
            Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_) | Expr::Value(_)
        )
    };
    if keys.iter().any(sets) {
        return problem(
            "sessions cannot be combined with grouping sets and positions",
            "write the columns in GROUP BY",
        );
    }
    let arguments = plain_arguments(&call);
    let (time, gap) = match arguments.as_slice() {
        [time, gap] => match constant_micros(gap).filter(|gap| *gap > 0) {
            Some(gap) => (time.clone(), gap),
            None => {
                return problem(
                    "the gap of a session is a constant of days, hours and smaller units",
                    "write session_window(time, '5 minutes')",
                );
            }
        },
        _ => {
            return problem(
                "session_window takes a time and a gap",
                "write session_window(time, '5 minutes')",
            );
        }
    };
    let names = relation_names(&select.from);
    let [name] = names.as_slice() else {
        return problem(
            "sessions are those of one relation",
            "write the joins in a subquery, and group its rows",
        );
    };
    if let Some(relation) = number_sessions(select, name.clone(), time, gap, keys) {
        select.from = vec![without_joins(relation)];
    }
    None
}

/// FROM and WHERE as a subquery with the sessions of the rows.
fn number_sessions(
    select: &mut Select,
    name: Ident,
    time: Expr,
    gap: i64,
    keys: Vec<Expr>,
) -> Option<TableFactor> {
    let key_names: Vec<String> = (0..keys.len()).map(|at| format!("__key_{at}")).collect();
    let group = |more: &[&str]| {
        let names = key_names
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied());
        let names = names.collect::<Vec<_>>().join(", ");
        if names.is_empty() {
            String::new()
        } else {
            format!("PARTITION BY {names}")
        }
    };
    let gap = format!("INTERVAL '{gap} microseconds'");
    let mut rows = parse_query("SELECT *, 1 AS __time")?;
    let inner = select_of(&mut rows)?;
    inner.projection.pop();
    inner.projection.push(SelectItem::ExprWithAlias {
        expr: Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(time),
            data_type: DataType::Timestamp(Some(6), TimezoneInfo::WithTimeZone),
            array: false,
            format: None,
        },
        alias: Ident::new("__time"),
    });
    for (expr, name) in keys.into_iter().zip(&key_names) {
        inner.projection.push(SelectItem::ExprWithAlias {
            expr,
            alias: Ident::new(name),
        });
    }
    inner.from = std::mem::take(&mut select.from);
    inner.selection = select.selection.take();
    let (keyed, of_session) = (group(&[]), group(&["__session"]));
    let steps = [
        format!(
            "SELECT *, CASE WHEN __time <= lag(__time) OVER ({keyed} ORDER BY __time) + {gap} THEN 0 \
             ELSE 1 END AS __begins FROM x WHERE __time IS NOT NULL"
        ),
        format!(
            "SELECT *, sum(__begins) OVER ({keyed} ORDER BY __time ROWS BETWEEN UNBOUNDED PRECEDING \
             AND CURRENT ROW) AS __session FROM x"
        ),
        format!(
            "SELECT *, named_struct('start', min(__time) OVER ({of_session}), 'end', max(__time) \
             OVER ({of_session}) + {gap}) AS {COLUMN} FROM x"
        ),
    ];
    for step in steps {
        let mut query = parse_query(&step)?;
        select_of(&mut query)?.from = vec![without_joins(derived(rows, None))];
        rows = query;
    }
    Some(derived(rows, Some(name)))
}

fn parse_query(text: &str) -> Option<Query> {
    let parser = Parser::new(&GenericDialect).try_with_sql(text);
    let query = parser.and_then(|mut parser| parser.parse_query());
    query.ok().map(|query| *query)
}

fn select_of(query: &mut Query) -> Option<&mut Select> {
    match query.body.as_mut() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

fn derived(query: Query, name: Option<Ident>) -> TableFactor {
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias: name.map(|name| TableAlias {
            explicit: true,
            name,
            columns: Vec::new(),
            at: None,
        }),
        sample: None,
    }
}

fn is_session_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name) if name.value == COLUMN)
}

struct SessionReplacer {
    /// The call that was found first.
    call: Option<Function>,
    /// Whether another call has other arguments.
    differs: bool,
    /// How many subqueries deep; their sessions are their own.
    depth: usize,
}

impl VisitorMut for SessionReplacer {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Function(call) = expr
            && call.over.is_none()
            && call.name.to_string().eq_ignore_ascii_case(COLUMN)
        {
            match &self.call {
                Some(first) => self.differs |= first.args != call.args,
                None => self.call = Some(call.clone()),
            }
            *expr = Expr::Identifier(Ident::new(COLUMN));
        }
        ControlFlow::Continue(())
    }
}
