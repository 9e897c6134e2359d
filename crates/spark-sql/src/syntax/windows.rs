//! Named windows.
//!
//! The planner replaces the names of windows in the select list only: in QUALIFY
//! and ORDER BY, `sum(x) OVER w` would become the plain aggregate. So the names
//! are replaced here, everywhere in the SELECT.

use std::ops::ControlFlow;

use sluice_jobfile::{Diagnostic, visit_nodes_mut};
use sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, OrderBy, Select, VisitorMut, WindowSpec,
    WindowType,
};

use super::{error_at, fold_case};

/// Replaces the names of windows in `select` and its ORDER BY by their
/// definitions.
pub(super) fn replace_window_names(
    select: &mut Select,
    order_by: Option<&mut OrderBy>,
) -> Vec<Diagnostic> {
    let mut replacer = WindowReplacer {
        windows: Vec::new(),
        depth: 0,
        problems: Vec::new(),
    };
    for NamedWindowDefinition(name, window) in std::mem::take(&mut select.named_window) {
        if let NamedWindowExpr::WindowSpec(mut spec) = window {
            replacer.resolve_spec(&mut spec);
            replacer.windows.push((name, spec));
        }
    }
    let _ = visit_nodes_mut(&mut select.projection, &mut replacer);
    let _ = visit_nodes_mut(&mut select.qualify, &mut replacer);
    if let Some(order_by) = order_by {
        let _ = visit_nodes_mut(order_by, &mut replacer);
    }
    replacer.problems
}

struct WindowReplacer {
    windows: Vec<(Ident, WindowSpec)>,
    /// How many subqueries deep; their windows are their own.
    depth: usize,
    problems: Vec<Diagnostic>,
}

impl WindowReplacer {
    fn find_window(&mut self, name: &Ident) -> Option<WindowSpec> {
        let found = self
            .windows
            .iter()
            .find(|(known, _)| fold_case(known) == fold_case(name))
            .map(|(_, spec)| spec.clone());
        if found.is_none() {
            self.problems.push(
                error_at(format!("no window `{}` here", name.value), name.span)
                    .with_help("define it: WINDOW w AS (PARTITION BY … ORDER BY …)"),
            );
        }
        found
    }

    /// `(w ORDER BY x)` is the window `w` with an order.
    fn resolve_spec(&mut self, spec: &mut WindowSpec) {
        let Some(name) = spec.window_name.take() else {
            return;
        };
        let Some(base) = self.find_window(&name) else {
            return;
        };
        if spec.partition_by.is_empty() {
            spec.partition_by = base.partition_by;
        }
        if spec.order_by.is_empty() {
            spec.order_by = base.order_by;
        }
        if spec.window_frame.is_none() {
            spec.window_frame = base.window_frame;
        }
    }
}

impl VisitorMut for WindowReplacer {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &mut sqlparser::ast::Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut sqlparser::ast::Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Function(function) = expr
        {
            match &mut function.over {
                Some(WindowType::NamedWindow(name)) => {
                    let name = name.clone();
                    if let Some(spec) = self.find_window(&name) {
                        function.over = Some(WindowType::WindowSpec(spec));
                    }
                }
                Some(WindowType::WindowSpec(spec)) => self.resolve_spec(spec),
                None => {}
            }
        }
        ControlFlow::Continue(())
    }
}
