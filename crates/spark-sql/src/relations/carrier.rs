//! How the syntax tree carries what it has no nodes for.
//!
//! A generator, such as that of a `LATERAL VIEW`, needs a node with a relation, an
//! expression and names; a set operation needs one with two queries. They use
//! nodes that are refused when a user writes them (`MATCH_RECOGNIZE`), so nothing
//! else can be taken for them.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, Ident, MatchRecognizePattern,
    MatchRecognizeSymbol, Measure, ObjectName, Query, RowsPerMatch, SetOperator, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins,
};

/// Names that no query can write.
const GENERATOR: &str = "\0generator";
const SET_OPERATION: &str = "\0set";
const ONE_ROW: &str = "\0row";

/// A relation with the rows that a generator makes of each of its rows.
#[derive(Debug, Clone)]
pub(crate) struct Generator {
    /// What the arguments may refer to; `None` for a generator on its own.
    pub(crate) input: Option<Box<TableFactor>>,
    pub(crate) call: Function,
    /// Rows of the input without generated rows are kept, with NULLs.
    pub(crate) outer: bool,
    /// The name of the generated columns' relation.
    pub(crate) relation: Ident,
    /// The names of the generated columns; the generator's own if empty.
    pub(crate) columns: Vec<Ident>,
}

/// `INTERSECT` or `EXCEPT`.
#[derive(Debug, Clone)]
pub(crate) struct SetOperation {
    pub(crate) operator: SetOperator,
    pub(crate) all: bool,
    pub(crate) left: Query,
    pub(crate) right: Query,
}

#[allow(
    clippy::large_enum_variant,
    reason = "a carrier is taken apart as soon as it is found"
)]
pub(crate) enum Carrier {
    Generator(Generator),
    SetOperation(Box<SetOperation>),
}

impl Generator {
    pub(crate) fn into_factor(self) -> TableFactor {
        let input = self.input.unwrap_or_else(|| {
            Box::new(TableFactor::Table {
                name: ObjectName::from(vec![Ident::new(ONE_ROW)]),
                alias: None,
                args: None,
                with_hints: Vec::new(),
                version: None,
                with_ordinality: false,
                partitions: Vec::new(),
                json_path: None,
                sample: None,
                index_hints: Vec::new(),
            })
        });
        TableFactor::MatchRecognize {
            table: input,
            partition_by: Vec::new(),
            order_by: Vec::new(),
            measures: vec![Measure {
                expr: Expr::Function(self.call),
                alias: Ident::new(GENERATOR),
            }],
            rows_per_match: self.outer.then_some(RowsPerMatch::OneRow),
            after_match_skip: None,
            pattern: MatchRecognizePattern::Symbol(MatchRecognizeSymbol::Start),
            symbols: Vec::new(),
            alias: Some(TableAlias {
                explicit: true,
                name: self.relation,
                columns: self
                    .columns
                    .into_iter()
                    .map(|name| TableAliasColumnDef {
                        name,
                        data_type: None,
                    })
                    .collect(),
                at: None,
            }),
        }
    }
}

impl SetOperation {
    pub(crate) fn into_factor(self) -> TableFactor {
        let word = match (self.operator, self.all) {
            (SetOperator::Intersect, true) => "intersect all",
            (SetOperator::Intersect, false) => "intersect",
            (_, true) => "except all",
            (_, false) => "except",
        };
        let query = |query: Query| {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(Box::new(query))))
        };
        TableFactor::Function {
            lateral: false,
            name: ObjectName::from(vec![Ident::new(SET_OPERATION), Ident::new(word)]),
            args: vec![query(self.left), query(self.right)],
            with_ordinality: false,
            alias: None,
        }
    }
}

/// What a relation carries, or the relation itself.
pub(crate) fn read_carrier(factor: TableFactor) -> Result<Carrier, Box<TableFactor>> {
    match factor {
        TableFactor::MatchRecognize {
            table,
            partition_by,
            order_by,
            mut measures,
            rows_per_match,
            after_match_skip,
            pattern,
            symbols,
            alias,
        } => {
            let is_generator = measures.iter().any(|m| m.alias.value == GENERATOR);
            if is_generator
                && let Some(Measure {
                    expr: Expr::Function(call),
                    ..
                }) = measures.pop()
            {
                let (relation, columns) = match alias {
                    Some(alias) => (alias.name, alias.columns),
                    None => (Ident::new(GENERATOR), Vec::new()),
                };
                return Ok(Carrier::Generator(Generator {
                    input: (!is_one_row(&table)).then_some(table),
                    call,
                    outer: rows_per_match.is_some(),
                    relation,
                    columns: columns.into_iter().map(|column| column.name).collect(),
                }));
            }
            Err(Box::new(TableFactor::MatchRecognize {
                table,
                partition_by,
                order_by,
                measures,
                rows_per_match,
                after_match_skip,
                pattern,
                symbols,
                alias,
            }))
        }
        TableFactor::Function { name, args, .. } if is_set_operation(&name) => {
            let word = name.0.last().map(ToString::to_string).unwrap_or_default();
            let mut queries = args.into_iter().filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Subquery(query))) => Some(*query),
                _ => None,
            });
            match (queries.next(), queries.next()) {
                (Some(left), Some(right)) => Ok(Carrier::SetOperation(Box::new(SetOperation {
                    operator: if word.starts_with("intersect") {
                        SetOperator::Intersect
                    } else {
                        SetOperator::Except
                    },
                    all: word.ends_with("all"),
                    left,
                    right,
                }))),
                _ => Err(Box::new(TableFactor::NestedJoin {
                    table_with_joins: Box::new(TableWithJoins {
                        relation: TableFactor::TableFunction {
                            expr: Expr::Identifier(Ident::new(word)),
                            alias: None,
                        },
                        joins: Vec::new(),
                    }),
                    alias: None,
                })),
            }
        }
        other => Err(Box::new(other)),
    }
}

fn is_set_operation(name: &ObjectName) -> bool {
    name.0
        .first()
        .and_then(|part| part.as_ident())
        .is_some_and(|ident| ident.value == SET_OPERATION)
}

fn is_one_row(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { name, .. } => name
            .0
            .first()
            .and_then(|part| part.as_ident())
            .is_some_and(|ident| ident.value == ONE_ROW),
        _ => false,
    }
}
