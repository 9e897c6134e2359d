//! Function calls and windows.

use sqlparser::ast::{
    DuplicateTreatment, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator,
    FunctionArgumentClause, FunctionArgumentList, FunctionArguments, ObjectNamePart, Spanned,
    WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};
use sqlparser::tokenizer::Span;

use super::SyntaxWalk;

/// The functions of an order. `row_number()` numbers rows without one as they come.
const ORDERED: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "lag",
    "lead",
    "ntile",
    "percent_rank",
    "rank",
];

impl SyntaxWalk {
    pub(super) fn check_function(&mut self, function: &Function) {
        self.within(function.name.span(), |walk| walk.check_call(function));
    }

    fn check_call(&mut self, function: &Function) {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            filter,
            // Which functions take these three is checked when the call's name
            // is the engine's.
            null_treatment: _,
            over,
            within_group,
        } = function;
        let place = name.span();
        if let Some(ObjectNamePart::Function(_)) = name.0.first() {
            self.refuse(place, "this form of a function's name is not supported", "");
        }
        if *uses_odbc_syntax {
            self.refuse(
                place,
                "{fn …} is not supported",
                "write the function without the braces",
            );
        }
        match parameters {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(_) | FunctionArguments::List(_) => self.refuse(
                place,
                "a function with two lists of arguments is not supported",
                "write all arguments in one list",
            ),
        }
        match args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => {
                self.refuse(
                    place,
                    "a query is not an argument",
                    "write it in parentheses of its own: f((SELECT …))",
                );
                self.check_query(query);
            }
            FunctionArguments::List(list) => self.check_arguments(list, place),
        }
        filter.iter().for_each(|filter| self.check_expr(filter));
        self.check_order_exprs(within_group);
        match over {
            None | Some(WindowType::NamedWindow(_)) => {}
            Some(WindowType::WindowSpec(spec)) => {
                let called = name.to_string().to_lowercase();
                if spec.window_name.is_none()
                    && spec.order_by.is_empty()
                    && ORDERED.contains(&called.as_str())
                {
                    self.refuse(
                        place,
                        "this function needs an order of the rows",
                        "write OVER (… ORDER BY key)",
                    );
                }
                self.check_window_spec(spec);
            }
        }
    }

    fn check_arguments(&mut self, list: &FunctionArgumentList, place: Span) {
        let FunctionArgumentList {
            duplicate_treatment,
            args,
            clauses,
        } = list;
        match duplicate_treatment {
            None | Some(DuplicateTreatment::Distinct | DuplicateTreatment::All) => {}
        }
        args.iter().for_each(|arg| self.check_argument(arg, place));
        let takes_star = matches!(
            args.as_slice(),
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]
        );
        if takes_star && *duplicate_treatment == Some(DuplicateTreatment::Distinct) {
            self.refuse(
                place,
                "DISTINCT * is not supported as an argument",
                "list the columns: count(DISTINCT a, b)",
            );
        }
        for clause in clauses {
            let (what, help) = match clause {
                FunctionArgumentClause::IgnoreOrRespectNulls(_) => continue,
                FunctionArgumentClause::OrderBy(exprs) => {
                    self.check_order_exprs(exprs);
                    continue;
                }
                FunctionArgumentClause::Limit(_) => ("LIMIT", "write slice(array_agg(…), 1, n)"),
                FunctionArgumentClause::OnOverflow(_) => ("ON OVERFLOW", "leave it out"),
                FunctionArgumentClause::Having(_) => {
                    ("HAVING", "write max_by(value, key) or min_by(value, key)")
                }
                FunctionArgumentClause::Separator(_) => {
                    ("SEPARATOR", "write listagg(text, ', ') or array_join(…)")
                }
                FunctionArgumentClause::JsonNullClause(_)
                | FunctionArgumentClause::JsonReturningClause(_) => {
                    ("a JSON clause", "write to_json(named_struct(…))")
                }
            };
            self.refuse(
                place,
                &format!("{what} in a function's arguments is not supported"),
                help,
            );
        }
    }

    fn check_argument(&mut self, argument: &FunctionArg, place: Span) {
        let value = match argument {
            FunctionArg::Unnamed(value) => value,
            FunctionArg::Named {
                name: _,
                arg,
                operator,
            } => {
                self.check_argument_operator(operator, place);
                arg
            }
            FunctionArg::ExprNamed {
                name,
                arg,
                operator: _,
            } => {
                self.refuse(
                    name.span(),
                    "the name of an argument must be a name",
                    "write name => value, or the arguments by position",
                );
                arg
            }
        };
        match value {
            FunctionArgExpr::Expr(expr) => self.check_expr(expr),
            FunctionArgExpr::Wildcard => {}
            FunctionArgExpr::QualifiedWildcard(_) => self.refuse(
                place,
                "t.* is not supported as an argument",
                "write count(*), or list the columns",
            ),
            FunctionArgExpr::WildcardWithOptions(options) => self.refuse(
                options.wildcard_token.0.span,
                "* with options is not supported as an argument",
                "list the columns",
            ),
        }
    }

    fn check_argument_operator(&mut self, operator: &FunctionArgOperator, place: Span) {
        match operator {
            FunctionArgOperator::RightArrow => {}
            FunctionArgOperator::Equals
            | FunctionArgOperator::Assignment
            | FunctionArgOperator::Colon
            | FunctionArgOperator::Value => self.refuse(
                place,
                "this form of a named argument is not supported",
                "write name => value, or the arguments by position",
            ),
        }
    }

    pub(super) fn check_window_spec(&mut self, spec: &WindowSpec) {
        let WindowSpec {
            window_name: _,
            partition_by,
            order_by,
            window_frame,
        } = spec;
        partition_by.iter().for_each(|expr| self.check_expr(expr));
        self.check_order_exprs(order_by);
        if let Some(WindowFrame {
            units,
            start_bound,
            end_bound,
        }) = window_frame
        {
            match units {
                WindowFrameUnits::Rows | WindowFrameUnits::Range => {}
                WindowFrameUnits::Groups => self.refuse(
                    self.place,
                    "frames of GROUPS are not supported",
                    "write ROWS or RANGE, or use dense_rank() in a subquery",
                ),
            }
            for bound in std::iter::once(start_bound).chain(end_bound) {
                match bound {
                    WindowFrameBound::CurrentRow => {}
                    WindowFrameBound::Preceding(rows) | WindowFrameBound::Following(rows) => {
                        rows.iter().for_each(|rows| self.check_expr(rows));
                    }
                }
            }
        }
    }
}
