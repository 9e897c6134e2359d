//! `LATERAL VIEW`, and generators in FROM and in the select list.
//!
//! All of them become relations that the crate's relation planner plans: the
//! FROM so far, with the rows that the generator makes of each row.

use sluice_jobfile::Diagnostic;
use sqlparser::ast::{
    ExceptSelectItem, Expr, Function, FunctionArguments, GroupByExpr, Ident, Join, JoinConstraint,
    JoinOperator, LateralView, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Spanned, TableAlias, TableFactor, TableWithJoins,
    Value, WildcardAdditionalOptions,
};

use super::{call_function, error_at, fold_case};
use crate::relations::carrier::Generator;

/// Functions that make rows.
const GENERATORS: &[&str] = &[
    "explode",
    "explode_outer",
    "posexplode",
    "posexplode_outer",
    "inline",
    "inline_outer",
    "json_tuple",
    "stack",
];

/// Those that may make no rows of a row.
const MAY_MAKE_NO_ROWS: &[&str] = &["explode", "posexplode", "inline"];

/// Rewrites the generators of one SELECT. `next` numbers generated names.
pub(super) fn rewrite_generators(select: &mut Select, next: &mut usize) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    rewrite_from(select, next, &mut problems);
    for view in std::mem::take(&mut select.lateral_views) {
        rewrite_lateral_view(select, view, &mut problems);
    }
    rewrite_select_list(select, next, &mut problems);
    problems
}

fn is_generator(name: &ObjectName) -> bool {
    is_one_of(name, GENERATORS)
}

fn is_one_of(name: &ObjectName, functions: &[&str]) -> bool {
    match name.0.as_slice() {
        [part] => part.as_ident().is_some_and(|ident| {
            ident.quote_style.is_none() && functions.contains(&fold_case(ident).as_str())
        }),
        _ => false,
    }
}

/// The generator that an expression calls, at its top.
fn called_generator(expr: &Expr) -> Option<&Function> {
    match expr {
        Expr::Function(function) if is_generator(&function.name) => Some(function),
        _ => None,
    }
}

fn rewrite_lateral_view(select: &mut Select, view: LateralView, problems: &mut Vec<Diagnostic>) {
    let LateralView {
        lateral_view,
        lateral_view_name,
        lateral_col_alias,
        outer,
    } = view;
    let Some(call) = called_generator(&lateral_view).cloned() else {
        problems.push(
            error_at(
                "LATERAL VIEW takes a function that makes rows",
                lateral_view.span(),
            )
            .with_help("write explode(…), posexplode(…), inline(…), stack(…) or json_tuple(…)"),
        );
        return;
    };
    let name = lateral_view_name.0.last().and_then(|part| part.as_ident());
    let generator = Generator {
        input: take_from(&mut select.from).map(Box::new),
        call,
        outer,
        relation: name
            .cloned()
            .unwrap_or_else(|| Ident::new("__lateral_view")),
        columns: lateral_col_alias,
    };
    select.from = vec![without_joins(generator.into_factor())];
}

pub(super) fn without_joins(relation: TableFactor) -> TableWithJoins {
    TableWithJoins {
        relation,
        joins: Vec::new(),
    }
}

/// All of a FROM as one relation.
pub(super) fn take_from(from: &mut Vec<TableWithJoins>) -> Option<TableFactor> {
    let mut tables = std::mem::take(from).into_iter();
    let mut first = tables.next()?;
    for table in tables {
        first.joins.push(Join {
            relation: as_factor(table),
            global: false,
            join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
        });
    }
    Some(as_factor(first))
}

pub(super) fn as_factor(table: TableWithJoins) -> TableFactor {
    if table.joins.is_empty() {
        table.relation
    } else {
        TableFactor::NestedJoin {
            table_with_joins: Box::new(table),
            alias: None,
        }
    }
}

/// A generator in FROM: the call, the alias, and whether it is LATERAL.
fn from_generator(factor: &TableFactor) -> Option<(Function, Option<TableAlias>, bool)> {
    let (name, args, alias, lateral) = match factor {
        TableFactor::Table {
            name,
            args: Some(args),
            alias,
            ..
        } => (name, &args.args, alias, false),
        TableFactor::Function {
            name,
            args,
            alias,
            lateral,
            ..
        } => (name, args, alias, *lateral),
        _ => return None,
    };
    if !is_generator(name) {
        return None;
    }
    let Expr::Function(mut call) = call_function("", Vec::new()) else {
        return None;
    };
    call.name = name.clone();
    if let FunctionArguments::List(list) = &mut call.args {
        list.args.clone_from(args);
    }
    Some((call, alias.clone(), lateral))
}

fn make_generator(
    call: Function,
    alias: Option<TableAlias>,
    input: Option<TableFactor>,
    outer: bool,
    next: &mut usize,
) -> TableFactor {
    let (relation, columns) = match alias {
        Some(alias) => (
            alias.name,
            alias
                .columns
                .into_iter()
                .map(|column| column.name)
                .collect(),
        ),
        None => (next_name(next), Vec::new()),
    };
    Generator {
        input: input.map(Box::new),
        call,
        outer,
        relation,
        columns,
    }
    .into_factor()
}

pub(super) fn next_name(next: &mut usize) -> Ident {
    *next += 1;
    Ident::new(format!("__generator_{next}"))
}

fn rewrite_from(select: &mut Select, next: &mut usize, problems: &mut Vec<Diagnostic>) {
    let mut tables: Vec<TableWithJoins> = Vec::with_capacity(select.from.len());
    for mut table in std::mem::take(&mut select.from) {
        if let Some((call, alias, lateral)) = from_generator(&table.relation) {
            let input = if lateral {
                take_from(&mut tables)
            } else {
                None
            };
            table.relation = make_generator(call, alias, input, false, next);
        }
        let mut done = without_joins(table.relation);
        for mut join in table.joins {
            let Some((call, alias, lateral)) = from_generator(&join.relation) else {
                done.joins.push(join);
                continue;
            };
            if !lateral {
                join.relation = make_generator(call, alias, None, false, next);
                done.joins.push(join);
                continue;
            }
            let outer = match &join.join_operator {
                JoinOperator::CrossJoin(JoinConstraint::None) => false,
                JoinOperator::Join(on) | JoinOperator::Inner(on) if is_always(on) => false,
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) if is_always(on) => {
                    // Spark 4.3 leaves out the rows that the standard keeps.
                    if is_one_of(&call.name, MAY_MAKE_NO_ROWS) {
                        problems.push(
                            error_at(
                                "LEFT JOIN LATERAL keeps rows that Spark leaves out here, those \
                                 without elements",
                                call.name.span(),
                            )
                            .with_help(
                                "write LATERAL VIEW OUTER f(…) to keep them, or \
                                 JOIN LATERAL f(…) to leave them out",
                            ),
                        );
                    }
                    true
                }
                _ => {
                    problems.push(
                        error_at(
                            "this join of a generator is not supported",
                            call.name.span(),
                        )
                        .with_help(
                            "write CROSS JOIN LATERAL f(…), or LATERAL VIEW OUTER f(…), and the \
                                 condition in WHERE",
                        ),
                    );
                    continue;
                }
            };
            let input = as_factor(done);
            done = without_joins(make_generator(call, alias, Some(input), outer, next));
        }
        tables.push(done);
    }
    select.from = tables;
}

fn is_always(constraint: &JoinConstraint) -> bool {
    match constraint {
        JoinConstraint::None => true,
        JoinConstraint::On(Expr::Value(value)) => value.value == Value::Boolean(true),
        _ => false,
    }
}

/// The generator of an item of the select list, and the names of its columns.
fn item_generator(item: &SelectItem) -> Option<(&Function, Vec<Ident>)> {
    match item {
        SelectItem::UnnamedExpr(expr) => Some((called_generator(expr)?, Vec::new())),
        SelectItem::ExprWithAlias { expr, alias } => {
            Some((called_generator(expr)?, vec![alias.clone()]))
        }
        SelectItem::ExprWithAliases { expr, aliases } => {
            Some((called_generator(expr)?, aliases.clone()))
        }
        SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => None,
    }
}

/// Makes the generators of the select list relations, from left to right: of several, each
/// row of one is combined with each row of the next.
fn rewrite_select_list(select: &mut Select, next: &mut usize, problems: &mut Vec<Diagnostic>) {
    let mut found = select
        .projection
        .iter()
        .filter(|item| item_generator(item).is_some());
    if let Some(second) = found.nth(1).filter(|_| is_grouped(select)) {
        problems.push(
            error_at(
                "a select list over groups can hold one function that makes rows",
                second.span(),
            )
            .with_help("write one LATERAL VIEW for each, over a subquery with the GROUP BY"),
        );
        return;
    }
    loop {
        let at = select
            .projection
            .iter()
            .position(|item| item_generator(item).is_some());
        let placed = at.is_some_and(|at| rewrite_item(select, at, next, problems));
        if !placed {
            return;
        }
    }
}

/// Moves the generator of one item into FROM; `false` if it is a problem.
fn rewrite_item(
    select: &mut Select,
    at: usize,
    next: &mut usize,
    problems: &mut Vec<Diagnostic>,
) -> bool {
    let Some((call, names)) = select
        .projection
        .get(at)
        .and_then(item_generator)
        .map(|(call, names)| (call.clone(), names))
    else {
        return false;
    };
    let call = if is_grouped(select) {
        match compute_first(select, at, call) {
            Ok(call) => call,
            Err(problem) => {
                problems.push(*problem);
                return false;
            }
        }
    } else {
        call
    };
    let relation = next_name(next);
    // Names of their own, so that `*` can leave them out.
    let columns: Vec<Ident> = (0..names.len())
        .map(|column| Ident::new(format!("{}_{column}", relation.value)))
        .collect();
    let items = if names.is_empty() {
        vec![SelectItem::QualifiedWildcard(
            SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![relation.clone()])),
            WildcardAdditionalOptions::default(),
        )]
    } else {
        columns
            .iter()
            .zip(names)
            .map(|(column, alias)| SelectItem::ExprWithAlias {
                expr: Expr::CompoundIdentifier(vec![relation.clone(), column.clone()]),
                alias,
            })
            .collect()
    };
    let has_star = select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_)));
    if has_star && columns.is_empty() {
        problems.push(
            error_at(
                "the generated columns next to * need names",
                call.name.span(),
            )
            .with_help("write explode(…) AS name"),
        );
        return false;
    }
    select.projection.splice(at..=at, items);
    for item in &mut select.projection {
        if let SelectItem::Wildcard(options) = item {
            exclude_columns(options, &columns);
        }
    }
    let input = take_from(&mut select.from);
    let generator = Generator {
        input: input.map(Box::new),
        call,
        outer: false,
        relation,
        columns,
    };
    select.from = vec![without_joins(generator.into_factor())];
    true
}

fn exclude_columns(options: &mut WildcardAdditionalOptions, columns: &[Ident]) {
    let mut columns = columns.iter().cloned();
    match &mut options.opt_except {
        Some(except) => except.additional_elements.extend(columns),
        None => {
            options.opt_except = columns.next().map(|first_element| ExceptSelectItem {
                first_element,
                additional_elements: columns.collect(),
            });
        }
    }
}

/// Functions of groups whose results are collections.
const COLLECTING: &[&str] = &["collect_list", "collect_set", "array_agg", "map_agg"];

/// Whether the select list is computed for groups.
fn is_grouped(select: &Select) -> bool {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(exprs, modifiers) => !exprs.is_empty() || !modifiers.is_empty(),
    };
    grouped
        || select.having.is_some()
        || select.projection.iter().any(|item| {
            let text = item.to_string().to_lowercase();
            item_generator(item).is_some()
                && COLLECTING
                    .iter()
                    .any(|name| text.contains(&format!("{name}(")))
        })
}

/// Moves a grouped SELECT into FROM, so that the generator works on its rows. Gives
/// the call with the arguments as columns.
fn compute_first(
    select: &mut Select,
    at: usize,
    mut call: Function,
) -> Result<Function, Box<Diagnostic>> {
    let mut inner_items = Vec::with_capacity(select.projection.len() + 1);
    let mut outer_items = Vec::with_capacity(select.projection.len());
    for (index, item) in select.projection.iter().enumerate() {
        if index == at {
            outer_items.push(item.clone());
            continue;
        }
        let own = Ident::new(format!("__item_{index}"));
        let (expr, alias) = match item {
            SelectItem::ExprWithAlias { expr, alias } => (expr.clone(), Some(alias.clone())),
            SelectItem::UnnamedExpr(expr) => {
                let name = match expr {
                    Expr::Identifier(name) => Some(name.clone()),
                    Expr::CompoundIdentifier(parts) => parts.last().cloned(),
                    _ => None,
                };
                (expr.clone(), name)
            }
            other => {
                return Err(Box::new(
                    error_at(
                        "* next to a generator over groups is not supported",
                        other.span(),
                    )
                    .with_help("list the columns"),
                ));
            }
        };
        inner_items.push(SelectItem::ExprWithAlias {
            expr,
            alias: own.clone(),
        });
        outer_items.push(SelectItem::ExprWithAlias {
            expr: Expr::Identifier(own.clone()),
            alias: alias.unwrap_or(own),
        });
    }
    if let FunctionArguments::List(list) = &mut call.args {
        for (index, argument) in list.args.iter_mut().enumerate() {
            let sqlparser::ast::FunctionArg::Unnamed(sqlparser::ast::FunctionArgExpr::Expr(expr)) =
                argument
            else {
                continue;
            };
            if matches!(expr, Expr::Value(_)) {
                continue;
            }
            let own = Ident::new(format!("__argument_{index}"));
            let computed = std::mem::replace(expr, Expr::Identifier(own.clone()));
            inner_items.push(SelectItem::ExprWithAlias {
                expr: computed,
                alias: own,
            });
        }
    }
    let mut inner = select.clone();
    inner.projection = inner_items;
    inner.distinct = None;
    select.projection = outer_items;
    select.selection = None;
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select.having = None;
    select.qualify = None;
    select.from = vec![without_joins(TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query_of(SetExpr::Select(Box::new(inner)))),
        alias: Some(TableAlias {
            explicit: true,
            name: Ident::new("__grouped"),
            columns: Vec::new(),
            at: None,
        }),
        sample: None,
    })];
    Ok(call)
}

/// A query that is only this body.
pub(super) fn query_of(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}
