use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, Visit, VisitMut,
    Visitor, VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::{visit_nodes, visit_nodes_mut};

/// Notes each call and ends the traversal at the call of this number.
struct CallRecorder {
    calls: Vec<String>,
    end_at: usize,
}

impl CallRecorder {
    fn ending_at(end_at: usize) -> Self {
        let calls = Vec::new();
        Self { calls, end_at }
    }

    fn record(&mut self, method: &str, node: &dyn std::fmt::Display) -> ControlFlow<String> {
        self.calls.push(format!("{method} {node}"));
        if self.calls.len() == self.end_at {
            return ControlFlow::Break(format!("ended at {node}"));
        }
        ControlFlow::Continue(())
    }
}

macro_rules! record {
    ($visitor:ident: $($method:ident($node:ty)),+) => {
        impl $visitor for CallRecorder {
            type Break = String;

            $(fn $method(&mut self, node: $node) -> ControlFlow<String> {
                self.record(stringify!($method), node)
            })+
        }
    };
}

macro_rules! record_all {
    ($($method:ident($node:ty)),+ $(,)?) => {
        record!(Visitor: $($method(&$node)),+);
        record!(VisitorMut: $($method(&mut $node)),+);
    };
}

with_all_methods!(record_all);

fn statements() -> Vec<Statement> {
    let sql = "SELECT a + 1 AS b FROM t JOIN (SELECT 'x' AS c) u ON t.a = u.c
               WHERE EXISTS (SELECT 1) ORDER BY b;
               CREATE VIEW v AS SELECT sum(a) OVER (PARTITION BY b) FROM t";
    Parser::parse_sql(&GenericDialect {}, sql).unwrap()
}

/// The oracle is sqlparser's own traversal, which ends at any call.
#[test]
#[expect(clippy::disallowed_methods, reason = "the traversal to compare with")]
fn calls_and_ends_are_those_of_sqlparser() {
    let mut whole = CallRecorder::ending_at(0);
    assert_eq!(statements().visit(&mut whole), ControlFlow::Continue(()));
    for method in ["pre", "post"] {
        for node in [
            "query",
            "select",
            "relation",
            "table_factor",
            "expr",
            "statement",
            "value",
        ] {
            let name = format!("{method}_visit_{node} ");
            assert!(
                whole.calls.iter().any(|call| call.starts_with(&name)),
                "{name}"
            );
        }
    }
    for end_at in 0..=whole.calls.len() {
        let recorder = || CallRecorder::ending_at(end_at);
        let (mut expected, mut actual, mut actual_mut) = (recorder(), recorder(), recorder());
        let mut expected_mut = recorder();
        assert_eq!(
            visit_nodes(&statements(), &mut actual),
            statements().visit(&mut expected)
        );
        assert_eq!(
            visit_nodes_mut(&mut statements(), &mut actual_mut),
            VisitMut::visit(&mut statements(), &mut expected_mut)
        );
        assert_eq!(actual.calls, expected.calls);
        assert_eq!(actual_mut.calls, expected_mut.calls);
    }
}
