//! Functions that a job file defines.

use sqlparser::ast::{DataType, Expr, Ident, Query};

use crate::span::Span;

/// A function of the job file.
#[derive(Debug, Clone)]
pub(crate) struct SqlFunction {
    /// In lower case unless it was quoted.
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: FunctionBody,
}

/// `name TYPE [DEFAULT value]`.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) ty: DataType,
    pub(crate) default: Option<Expr>,
}

/// What follows RETURN.
#[derive(Debug, Clone)]
pub(crate) enum FunctionBody {
    /// One value; without RETURNS it has its own type.
    Value {
        returns: Option<DataType>,
        expr: Box<Expr>,
    },
    /// The rows of a query. Without columns it has those of the query.
    Rows {
        columns: Vec<(Ident, DataType)>,
        query: Box<Query>,
    },
}
