//! The clauses of a SELECT.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, GroupByWithModifier, IdentWithAlias, LateralView,
    NamedWindowDefinition, NamedWindowExpr, RenameSelectItem, ReplaceSelectElement,
    ReplaceSelectItem, Select, SelectFlavor, SelectItem, SelectItemQualifiedWildcardKind, Spanned,
    TableWithJoins, WildcardAdditionalOptions,
};

use sqlparser::tokenizer::Span;

use super::SyntaxWalk;

impl SyntaxWalk {
    pub(super) fn check_select(&mut self, select: &Select) {
        self.within(select.span(), |walk| walk.check_select_clauses(select));
    }

    fn check_select_clauses(&mut self, select: &Select) {
        let Select {
            select_token: _,
            // Hints are comments in this dialect.
            optimizer_hints: _,
            distinct,
            select_modifiers,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        match distinct {
            Some(Distinct::On(exprs)) => self.refuse(
                exprs.first().map_or(Span::empty(), Spanned::span),
                "DISTINCT ON is not supported",
                "write QUALIFY row_number() OVER (PARTITION BY key ORDER BY at) = 1",
            ),
            None | Some(Distinct::All | Distinct::Distinct) => {}
        }
        self.refuse_some(
            select_modifiers.as_ref(),
            "MySQL's words after SELECT are not supported",
            "leave them out",
        );
        self.refuse_some(top.as_ref(), "TOP is not supported", "write LIMIT n");
        projection
            .iter()
            .for_each(|item| self.check_select_item(item));
        self.refuse_some(
            exclude.as_ref(),
            "EXCLUDE after the select list is not supported",
            "write SELECT * EXCEPT (column)",
        );
        self.refuse_some(
            into.as_ref(),
            "SELECT INTO is not supported",
            "use CREATE OR REFRESH MATERIALIZED VIEW name AS …",
        );
        for TableWithJoins { relation, joins } in from {
            self.check_table_factor(relation);
            joins.iter().for_each(|join| self.check_join(join));
        }
        for view in lateral_views {
            let LateralView {
                lateral_view,
                lateral_view_name: _,
                lateral_col_alias: _,
                outer: _,
            } = view;
            self.check_expr(lateral_view);
        }
        if let Some(prewhere) = prewhere {
            self.refuse(prewhere.span(), "PREWHERE is not supported", "write WHERE");
        }
        selection.iter().for_each(|expr| self.check_expr(expr));
        self.refuse_some(
            connect_by.first(),
            "CONNECT BY is not supported",
            "write WITH RECURSIVE",
        );
        self.check_group_by(group_by);
        for expr in cluster_by.iter().chain(distribute_by) {
            self.check_expr(expr);
        }
        self.check_order_exprs(sort_by);
        having.iter().for_each(|expr| self.check_expr(expr));
        for NamedWindowDefinition(name, window) in named_window {
            match window {
                NamedWindowExpr::NamedWindow(_) => self.refuse(
                    name.span,
                    "a window that is only another's name is not supported",
                    "write WINDOW w AS (…)",
                ),
                NamedWindowExpr::WindowSpec(spec) => self.check_window_spec(spec),
            }
        }
        qualify.iter().for_each(|expr| self.check_expr(expr));
        self.refuse_some(
            value_table_mode.as_ref(),
            "SELECT AS STRUCT and SELECT AS VALUE are not supported",
            "write SELECT struct(…) AS name",
        );
        match flavor {
            SelectFlavor::Standard | SelectFlavor::FromFirst | SelectFlavor::FromFirstNoSelect => {}
        }
    }

    fn check_group_by(&mut self, group_by: &GroupByExpr) {
        let (exprs, modifiers): (&[Expr], _) = match group_by {
            GroupByExpr::All(modifiers) => (&[], modifiers),
            GroupByExpr::Expressions(exprs, modifiers) => (exprs, modifiers),
        };
        for expr in exprs {
            match expr {
                Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => {
                    sets.iter()
                        .flatten()
                        .for_each(|expr| self.check_grouping(expr));
                }
                expr => self.check_grouping(expr),
            }
        }
        let place = exprs.last().map_or(self.place, Spanned::span);
        for modifier in modifiers {
            match modifier {
                GroupByWithModifier::Totals => self.refuse(
                    place,
                    "GROUP BY … WITH TOTALS is not supported",
                    "write GROUP BY GROUPING SETS ((…), ())",
                ),
                GroupByWithModifier::Rollup | GroupByWithModifier::Cube
                    if matches!(group_by, GroupByExpr::All(_)) =>
                {
                    self.refuse(
                        place,
                        "GROUP BY ALL cannot be combined with ROLLUP or CUBE",
                        "list the columns: GROUP BY ROLLUP (a, b)",
                    );
                }
                GroupByWithModifier::Rollup | GroupByWithModifier::Cube => {}
                GroupByWithModifier::GroupingSets(sets) => match sets {
                    Expr::GroupingSets(sets) => sets
                        .iter()
                        .flatten()
                        .for_each(|expr| self.check_grouping(expr)),
                    other => self.check_expr(other),
                },
            }
        }
    }

    /// A grouping expression; `(a, b)` and `()` are allowed here.
    fn check_grouping(&mut self, expr: &Expr) {
        match expr {
            Expr::Tuple(parts) => parts.iter().for_each(|part| self.check_expr(part)),
            expr => self.check_expr(expr),
        }
    }

    pub(super) fn check_select_item(&mut self, item: &SelectItem) {
        match item {
            SelectItem::UnnamedExpr(expr) => self.check_expr(expr),
            SelectItem::ExprWithAlias { expr, alias } => {
                self.check_expr(expr);
                self.check_name(alias);
            }
            SelectItem::ExprWithAliases { expr, aliases } => {
                self.check_expr(expr);
                aliases.iter().for_each(|alias| self.check_name(alias));
            }
            SelectItem::QualifiedWildcard(kind, options) => {
                match kind {
                    SelectItemQualifiedWildcardKind::ObjectName(_) => {}
                    SelectItemQualifiedWildcardKind::Expr(expr) => self.check_expr(expr),
                }
                self.check_wildcard(options);
            }
            SelectItem::Wildcard(options) => self.check_wildcard(options),
        }
    }

    pub(super) fn check_wildcard(&mut self, options: &WildcardAdditionalOptions) {
        let WildcardAdditionalOptions {
            wildcard_token,
            opt_ilike,
            // EXCLUDE is EXCEPT.
            opt_exclude: _,
            opt_except: _,
            opt_replace,
            opt_rename,
            opt_alias,
        } = options;
        let place = wildcard_token.0.span;
        if opt_ilike.is_some() {
            self.refuse(place, "* ILIKE is not supported", "list the columns");
        }
        if let Some(ReplaceSelectItem { items }) = opt_replace {
            for item in items {
                let ReplaceSelectElement {
                    expr,
                    column_name: _,
                    as_keyword: _,
                } = item.as_ref();
                self.check_expr(expr);
            }
        }
        match opt_rename {
            None => {}
            Some(RenameSelectItem::Single(IdentWithAlias { ident, alias: _ })) => self.refuse(
                ident.span,
                "* RENAME is not supported",
                "write * EXCEPT (a), a AS b",
            ),
            Some(RenameSelectItem::Multiple(_)) => self.refuse(
                place,
                "* RENAME is not supported",
                "write * EXCEPT (a), a AS b",
            ),
        }
        if let Some(alias) = opt_alias {
            self.refuse(alias.span, "* cannot have an alias", "leave the alias out");
        }
    }
}
