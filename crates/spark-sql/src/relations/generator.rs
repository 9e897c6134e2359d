//! Rows from collections: `explode` and its kin.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, NullHandling, Result, TableReference, UnnestOptions, plan_err};
use datafusion::functions::core::expr_ext::FieldAccessor;
use datafusion::functions_nested::expr_fn::{array_length, make_array, map_entries, range};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, lit};
use sqlparser::ast::{self, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::carrier::Generator;
use super::time_windows::time_windows_function;
use crate::functions::json_tuple_udf;
use crate::syntax::call_function;
use crate::types::sql_type_name;

/// The generator of one row with the fields of a struct, which no query can name.
pub(crate) const STRUCT_FIELDS: &str = "\0fields";

/// The generator of the windows that a time belongs to.
pub(crate) const TIME_WINDOWS: &str = "\0windows";

/// A column of generated rows.
struct GeneratedColumn {
    /// Spark's name for it.
    name: String,
    /// The list whose elements it has, one per row; `None` for the same value in
    /// each row.
    list: Option<usize>,
    /// The value, of the element if there is a list.
    value: Box<dyn Fn(Expr) -> Expr>,
}

/// What a generator makes of a row of its input.
struct GeneratedRows {
    /// Lists of the same length, whose elements become rows together.
    lists: Vec<Expr>,
    columns: Vec<GeneratedColumn>,
}

pub(super) fn plan_generator(
    generator: Generator,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let has_input = generator.input.is_some();
    let input = match generator.input {
        Some(input) => context.plan(*input)?,
        None => LogicalPlanBuilder::empty(true).build()?,
    };
    let name = generator.call.name.to_string().to_lowercase();
    let arguments = arguments_of(&generator.call)?;
    let outer = generator.outer || name.ends_with("_outer");
    let function = name.trim_end_matches("_outer");
    let mut plan_argument =
        |argument: ast::Expr| context.sql_to_expr(argument, input.schema().as_ref());
    let rows = if function == "json_tuple" {
        json_tuple(arguments, plan_argument)?
    } else {
        let arguments = arguments
            .into_iter()
            .map(&mut plan_argument)
            .collect::<Result<Vec<_>>>()?;
        generate_rows(function, arguments, &input)?
    };

    let names: Vec<String> = if generator.columns.is_empty() {
        rows.columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    } else if generator.columns.len() == rows.columns.len() {
        generator
            .columns
            .into_iter()
            .map(|column| context.normalize_ident(column))
            .collect()
    } else {
        return plan_err!(
            "{name} makes {} columns, and {} names are given",
            rows.columns.len(),
            generator.columns.len()
        );
    };

    let mut input_columns: Vec<Expr> = Vec::new();
    if has_input {
        input_columns = input
            .schema()
            .columns()
            .into_iter()
            .map(Expr::Column)
            .collect();
    }
    let list_name = |at: usize| format!("__generated_{at}");
    let lists = rows.lists.iter().enumerate();
    let lists = lists.map(|(at, list)| list.clone().alias(list_name(at)));
    let mut plan = LogicalPlanBuilder::from(input).project(
        input_columns
            .iter()
            .cloned()
            .chain(lists)
            .collect::<Vec<_>>(),
    )?;
    if !rows.lists.is_empty() {
        let unnested = (0..rows.lists.len())
            .map(|at| Column::from_name(list_name(at)))
            .collect();
        let options = UnnestOptions::new().with_null_handling(if outer {
            NullHandling::PreserveAndExpandEmpty
        } else {
            NullHandling::Drop
        });
        plan = plan.unnest_columns_with_options(unnested, options)?;
    }
    let relation = TableReference::bare(context.normalize_ident(generator.relation));
    let generated = rows.columns.iter().zip(names).map(|(column, name)| {
        let element = match column.list {
            Some(at) => Expr::Column(Column::from_name(list_name(at))),
            None => lit(true),
        };
        (column.value)(element).alias_qualified(Some(relation.clone()), name)
    });
    plan.project(
        input_columns
            .into_iter()
            .chain(generated)
            .collect::<Vec<_>>(),
    )?
    .build()
}

fn arguments_of(call: &Function) -> Result<Vec<ast::Expr>> {
    let FunctionArguments::List(list) = &call.args else {
        return plan_err!("{} needs arguments", call.name);
    };
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr.clone()),
            _ => plan_err!("{} takes arguments by position", call.name),
        })
        .collect()
}

fn element(name: &str, list: usize) -> GeneratedColumn {
    GeneratedColumn {
        name: name.to_owned(),
        list: Some(list),
        value: Box::new(|element| element),
    }
}

fn field(name: &str, key: String, list: usize) -> GeneratedColumn {
    GeneratedColumn {
        name: name.to_owned(),
        list: Some(list),
        value: Box::new(move |element| element.field(key.clone())),
    }
}

fn generate_rows(
    function: &str,
    arguments: Vec<Expr>,
    input: &LogicalPlan,
) -> Result<GeneratedRows> {
    match function {
        "explode" => {
            let [collection] = expect_arguments(function, arguments)?;
            explode(function, collection, input)
        }
        "posexplode" => {
            let [collection] = expect_arguments(function, arguments)?;
            let mut rows = explode(function, collection, input)?;
            let Some(list) = rows.lists.first().cloned() else {
                return plan_err!("posexplode has no list");
            };
            let length = cast(array_length(list), DataType::Int64);
            rows.lists.push(range(lit(0_i64), length, lit(1_i64)));
            let position = rows.lists.len() - 1;
            rows.columns.insert(
                0,
                GeneratedColumn {
                    name: "pos".to_owned(),
                    list: Some(position),
                    value: Box::new(|element| cast(element, DataType::Int32)),
                },
            );
            Ok(rows)
        }
        "inline" => {
            let [list] = expect_arguments(function, arguments)?;
            let data_type = list.get_type(input.schema().as_ref())?;
            let fields = match &data_type {
                DataType::List(item) | DataType::LargeList(item) => match item.data_type() {
                    DataType::Struct(fields) => fields.clone(),
                    _ => return plan_err!("inline takes an array of structs, not {data_type}"),
                },
                _ => return plan_err!("inline takes an array of structs, not {data_type}"),
            };
            Ok(GeneratedRows {
                lists: vec![list],
                columns: fields
                    .iter()
                    .enumerate()
                    .map(|(at, own)| {
                        // The structs of `struct(1, 'a')` have numbered fields.
                        let name = match own.name().strip_prefix('c') {
                            Some(digits) if digits.parse() == Ok(at) => format!("col{}", at + 1),
                            _ => own.name().clone(),
                        };
                        field(&name, own.name().clone(), 0)
                    })
                    .collect(),
            })
        }
        STRUCT_FIELDS => {
            let [value] = expect_arguments(function, arguments)?;
            let data_type = value.get_type(input.schema().as_ref())?;
            let DataType::Struct(fields) = &data_type else {
                return plan_err!(
                    "`.*` is for relations and structs, and this is of type {}",
                    sql_type_name(&data_type)
                );
            };
            Ok(GeneratedRows {
                lists: Vec::new(),
                columns: fields
                    .iter()
                    .map(|own| {
                        let (value, key) = (value.clone(), own.name().clone());
                        GeneratedColumn {
                            name: own.name().clone(),
                            list: None,
                            value: Box::new(move |_| value.clone().field(key.clone())),
                        }
                    })
                    .collect(),
            })
        }
        TIME_WINDOWS => Ok(GeneratedRows {
            lists: vec![time_windows_function().call(arguments)],
            columns: vec![element("window", 0)],
        }),
        "stack" => stack(arguments),
        "json_tuple" => {
            if arguments.len() < 2 {
                return plan_err!("json_tuple takes text and names: json_tuple(doc, 'a', 'b')");
            }
            let names = 0..arguments.len() - 1;
            let columns = names.map(|at| field(&format!("c{at}"), format!("c{at}"), 0));
            Ok(GeneratedRows {
                columns: columns.collect(),
                lists: vec![make_array(vec![json_tuple_udf().call(arguments)])],
            })
        }
        other => plan_err!("{other} makes no rows"),
    }
}

/// `json_tuple(text, 'a', 'b')`: the values of these keys, in one row.
fn json_tuple(
    arguments: Vec<ast::Expr>,
    mut plan_argument: impl FnMut(ast::Expr) -> Result<Expr>,
) -> Result<GeneratedRows> {
    let mut arguments = arguments.into_iter();
    let (Some(text), keys) = (arguments.next(), arguments) else {
        return plan_err!("json_tuple takes a text and keys");
    };
    let mut columns = Vec::new();
    for (at, key) in keys.enumerate() {
        let path = match &key {
            ast::Expr::Value(value) => match &value.value {
                ast::Value::SingleQuotedString(key) if !key.contains('\'') => {
                    format!("$['{key}']")
                }
                _ => {
                    return plan_err!("{key} is no key of json_tuple; write a text without quotes");
                }
            },
            _ => {
                return plan_err!(
                    "the keys of json_tuple must be constants; write get_json_object"
                );
            }
        };
        let path = ast::Expr::Value(ast::Value::SingleQuotedString(path).into());
        let value = plan_argument(call_function("get_json_object", vec![text.clone(), path]))?;
        columns.push(GeneratedColumn {
            name: format!("c{at}"),
            list: None,
            value: Box::new(move |_| value.clone()),
        });
    }
    if columns.is_empty() {
        return plan_err!("json_tuple takes a text and at least one key");
    }
    Ok(GeneratedRows {
        lists: Vec::new(),
        columns,
    })
}

fn expect_arguments<const N: usize>(function: &str, arguments: Vec<Expr>) -> Result<[Expr; N]> {
    let count = arguments.len();
    match <[Expr; N]>::try_from(arguments) {
        Ok(arguments) => Ok(arguments),
        Err(_) => plan_err!("{function} takes {N} arguments, and {count} are given"),
    }
}

fn explode(function: &str, collection: Expr, input: &LogicalPlan) -> Result<GeneratedRows> {
    match collection.get_type(input.schema().as_ref())? {
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            Ok(GeneratedRows {
                lists: vec![collection],
                columns: vec![element("col", 0)],
            })
        }
        DataType::Map(..) => Ok(GeneratedRows {
            lists: vec![map_entries(collection)],
            columns: vec![
                field("key", "key".to_owned(), 0),
                field("value", "value".to_owned(), 0),
            ],
        }),
        other => plan_err!("{function} takes an array or a map, not {other}"),
    }
}

/// `stack(n, a, b, c, …)`: the arguments in `n` rows.
fn stack(mut arguments: Vec<Expr>) -> Result<GeneratedRows> {
    if arguments.len() < 2 {
        return plan_err!("stack takes a number of rows and values");
    }
    let rows = match arguments.remove(0) {
        Expr::Literal(value, _) => value.to_string().parse::<usize>().ok(),
        Expr::Cast(cast) => match cast.expr.as_ref() {
            Expr::Literal(value, _) => value.to_string().parse::<usize>().ok(),
            _ => None,
        },
        _ => None,
    };
    let Some(rows) = rows.filter(|rows| *rows > 0) else {
        return plan_err!(
            "the number of rows of stack must be a positive number, not an expression"
        );
    };
    let width = arguments.len().div_ceil(rows);
    let mut lists = Vec::with_capacity(width);
    let mut columns = Vec::with_capacity(width);
    for at in 0..width {
        let values = (0..rows).map(|row| {
            arguments
                .get(row * width + at)
                .cloned()
                .unwrap_or_else(|| lit(datafusion::common::ScalarValue::Null))
        });
        lists.push(make_array(values.collect()));
        columns.push(element(&format!("col{at}"), at));
    }
    Ok(GeneratedRows { lists, columns })
}
