//! One traversal of the syntax tree for all visitors.
//!
//! sqlparser's [`Visit`] and [`VisitMut`] are generic over the visitor, so that
//! each visitor has the traversal of all node types compiled once more: more
//! than half a megabyte of code, thirty times. Here the visitor is a trait
//! object, and [`visit_nodes`] and [`visit_nodes_mut`] take the place of their
//! `visit`, which `clippy.toml` does not allow elsewhere.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, ObjectName, OrderBy, PipeOperator, Query, Select, SelectItem, Statement, TableFactor,
    ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};

/// Calls `visitor` for `node` and all nodes below it, in the order of the text.
///
/// # Errors
/// The value with which `visitor` ended the traversal.
pub fn visit_nodes<V: Visitor>(node: &impl SyntaxNode, visitor: &mut V) -> ControlFlow<V::Break> {
    let mut keeper = BreakKeeper {
        visitor,
        kept: None,
    };
    let _ = node.accept(&mut keeper);
    keeper
        .kept
        .map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

/// Calls `visitor` for `node` and all nodes below it, which it may change.
///
/// # Errors
/// The value with which `visitor` ended the traversal.
pub fn visit_nodes_mut<V: VisitorMut>(
    node: &mut impl SyntaxNode,
    visitor: &mut V,
) -> ControlFlow<V::Break> {
    let mut keeper = BreakKeeper {
        visitor,
        kept: None,
    };
    let _ = node.accept_mut(&mut keeper);
    keeper
        .kept
        .map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

/// A node from which [`visit_nodes`] can begin.
pub trait SyntaxNode {
    /// Calls `visitor` for this node and all nodes below it.
    fn accept(&self, visitor: &mut dyn Visitor<Break = ()>) -> ControlFlow<()>;

    /// Calls `visitor`, which may change them, for this node and all nodes below it.
    fn accept_mut(&mut self, visitor: &mut dyn VisitorMut<Break = ()>) -> ControlFlow<()>;
}

/// Not generic, so that each traversal is compiled here, once.
macro_rules! syntax_nodes {
    ($($node:ty),+) => {
        $(impl SyntaxNode for $node {
            fn accept(&self, visitor: &mut dyn Visitor<Break = ()>) -> ControlFlow<()> {
                #[expect(clippy::disallowed_methods, reason = "the one traversal")]
                Visit::visit(self, &mut Forwarder(visitor))
            }

            fn accept_mut(&mut self, visitor: &mut dyn VisitorMut<Break = ()>) -> ControlFlow<()> {
                #[expect(clippy::disallowed_methods, reason = "the one traversal")]
                VisitMut::visit(self, &mut Forwarder(visitor))
            }
        })+
    };
}

syntax_nodes!(
    Expr,
    OrderBy,
    PipeOperator,
    Query,
    Select,
    SelectItem,
    Statement
);

impl<N: SyntaxNode> SyntaxNode for Box<N> {
    fn accept(&self, visitor: &mut dyn Visitor<Break = ()>) -> ControlFlow<()> {
        (**self).accept(visitor)
    }

    fn accept_mut(&mut self, visitor: &mut dyn VisitorMut<Break = ()>) -> ControlFlow<()> {
        (**self).accept_mut(visitor)
    }
}

impl<N: SyntaxNode> SyntaxNode for Option<N> {
    fn accept(&self, visitor: &mut dyn Visitor<Break = ()>) -> ControlFlow<()> {
        self.iter().try_for_each(|node| node.accept(visitor))
    }

    fn accept_mut(&mut self, visitor: &mut dyn VisitorMut<Break = ()>) -> ControlFlow<()> {
        self.iter_mut()
            .try_for_each(|node| node.accept_mut(visitor))
    }
}

impl<N: SyntaxNode> SyntaxNode for Vec<N> {
    fn accept(&self, visitor: &mut dyn Visitor<Break = ()>) -> ControlFlow<()> {
        self.iter().try_for_each(|node| node.accept(visitor))
    }

    fn accept_mut(&mut self, visitor: &mut dyn VisitorMut<Break = ()>) -> ControlFlow<()> {
        self.iter_mut()
            .try_for_each(|node| node.accept_mut(visitor))
    }
}

/// Gives the traversal a visitor of one type.
struct Forwarder<V>(V);

/// Holds the value with which a visitor ended the traversal.
struct BreakKeeper<'v, V, B> {
    visitor: &'v mut V,
    kept: Option<B>,
}

impl<V, B> BreakKeeper<'_, V, B> {
    fn keep(&mut self, flow: ControlFlow<B>) -> ControlFlow<()> {
        flow.map_break(|value| self.kept = Some(value))
    }
}

/// Hands every call on.
macro_rules! hand_on {
    ($visitor:ident: $($method:ident($node:ty)),+) => {
        impl $visitor for Forwarder<&mut dyn $visitor<Break = ()>> {
            type Break = ();

            $(fn $method(&mut self, node: $node) -> ControlFlow<()> {
                self.0.$method(node)
            })+
        }

        impl<V: $visitor> $visitor for BreakKeeper<'_, V, V::Break> {
            type Break = ();

            $(fn $method(&mut self, node: $node) -> ControlFlow<()> {
                let flow = self.visitor.$method(node);
                self.keep(flow)
            })+
        }
    };
}

macro_rules! hand_on_all {
    ($($method:ident($node:ty)),+ $(,)?) => {
        hand_on!(Visitor: $($method(&$node)),+);
        hand_on!(VisitorMut: $($method(&mut $node)),+);
    };
}

/// Gives the methods of a visitor, each with the node that it is called for, to a macro.
macro_rules! with_all_methods {
    ($macro:ident) => {
        $macro!(
            pre_visit_query(Query),
            post_visit_query(Query),
            pre_visit_select(Select),
            post_visit_select(Select),
            pre_visit_relation(ObjectName),
            post_visit_relation(ObjectName),
            pre_visit_table_factor(TableFactor),
            post_visit_table_factor(TableFactor),
            pre_visit_expr(Expr),
            post_visit_expr(Expr),
            pre_visit_statement(Statement),
            post_visit_statement(Statement),
            pre_visit_value(ValueWithSpan),
            post_visit_value(ValueWithSpan),
        );
    };
}

with_all_methods!(hand_on_all);

#[cfg(test)]
mod tests;
