//! A subquery that is a value has at most one row.
//!
//! `(SELECT x FROM …)` becomes `only_value((SELECT first_two(x) FROM …))`: the
//! aggregate keeps up to two values, so the join that the subquery becomes cannot
//! multiply rows, and the function around it fails where there are two. The
//! function is evaluated for rows of the outer query only: as in Spark, a
//! correlated subquery may have several rows for values that no outer row has.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::PrimitiveArray;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, UInt64Type};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, LogicalPlan,
    LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Subquery,
    Volatility,
};

use super::one_row::is_one_row;

static FIRST_TWO: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(AggregateUDF::from(FirstTwo::new())));
static ONLY_VALUE: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(ScalarUDF::from(OnlyValue::new())));

pub(crate) fn first_two_udaf() -> Arc<AggregateUDF> {
    Arc::clone(&FIRST_TWO)
}

pub(crate) fn only_value_udf() -> Arc<ScalarUDF> {
    Arc::clone(&ONLY_VALUE)
}

/// Rewrites a scalar subquery that may have several rows.
pub(super) fn require_one_row(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::ScalarSubquery(subquery) = expr else {
        return Ok(Transformed::no(expr));
    };
    // Includes those that are rewritten already: aggregates without a key. The value of one
    // that may have no row must be a column that can be NULL, or its tests are left out.
    let plan = &subquery.subquery;
    let is_nullable = plan
        .schema()
        .fields()
        .iter()
        .any(|field| field.is_nullable());
    if plan.max_rows().is_some_and(|rows| rows <= 1) && (is_nullable || is_one_row(plan)) {
        return name_value(subquery);
    }
    let [column] = <[_; 1]>::try_from(subquery.subquery.schema().columns())
        .or_else(|columns| internal_err!("a scalar subquery has {} columns", columns.len()))?;
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
        .aggregate(
            Vec::<Expr>::new(),
            [first_two_udaf().call(vec![Expr::Column(column)])],
        )?
        .build()?;
    let values = Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns: subquery.outer_ref_columns,
        spans: subquery.spans,
    });
    Ok(Transformed::yes(only_value_udf().call(vec![values])))
}

/// Gives the value a name that the outer query does not have: in
/// `HAVING avg(x) > (SELECT avg(x) FROM t)` both sides would be called `avg(t.x)`.
fn name_value(subquery: Subquery) -> Result<Transformed<Expr>> {
    let Subquery {
        subquery: plan,
        outer_ref_columns,
        spans,
    } = subquery;
    let named = match plan.as_ref() {
        LogicalPlan::Projection(projection) if outer_ref_columns.is_empty() => {
            match projection.expr.as_slice() {
                [column @ Expr::Column(_)] => Some(
                    LogicalPlanBuilder::from(projection.input.clone())
                        .project([column.clone().alias(VALUE)])?
                        .build()?,
                ),
                _ => None,
            }
        }
        _ => None,
    };
    let is_named = named.is_some();
    let subquery = Expr::ScalarSubquery(Subquery {
        subquery: named.map_or(plan, Arc::new),
        outer_ref_columns,
        spans,
    });
    Ok(Transformed::new_transformed(subquery, is_named))
}

/// The name of a scalar subquery's value.
const VALUE: &str = "__value";

/// `first_two(x)`: a list of up to two of the values, NULLs included.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FirstTwo {
    signature: Signature,
}

impl FirstTwo {
    fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

fn list_of(item: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item.clone(), true)))
}

fn first_type(types: &[DataType]) -> Result<&DataType> {
    match types.first() {
        Some(first) => Ok(first),
        None => internal_err!("an argument is missing"),
    }
}

impl AggregateUDFImpl for FirstTwo {
    fn name(&self) -> &str {
        "first_two"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        first_type(arg_types).map(list_of)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = args.return_field.data_type().clone();
        Ok(vec![Arc::new(Field::new(
            format!("{}[values]", args.name),
            list,
            true,
        ))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let DataType::List(item) = args.return_field.data_type() else {
            return internal_err!("first_two returns a list");
        };
        Ok(Box::new(FirstTwoAccumulator {
            item: item.data_type().clone(),
            values: Vec::with_capacity(2),
        }))
    }
}

#[derive(Debug)]
struct FirstTwoAccumulator {
    item: DataType,
    values: Vec<ScalarValue>,
}

impl FirstTwoAccumulator {
    fn add_values(&mut self, array: &dyn Array) -> Result<()> {
        for row in 0..array.len() {
            if self.values.len() == 2 {
                break;
            }
            self.values.push(ScalarValue::try_from_array(array, row)?);
        }
        Ok(())
    }

    fn to_list(&self) -> ScalarValue {
        ScalarValue::List(ScalarValue::new_list_nullable(&self.values, &self.item))
    }
}

impl Accumulator for FirstTwoAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        match values.first() {
            Some(array) => self.add_values(array.as_ref()),
            None => internal_err!("an argument is missing"),
        }
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.to_list())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.iter().map(ScalarValue::size).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.to_list()])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(state) = states.first() else {
            return internal_err!("a state is missing");
        };
        for list in state.as_list::<i32>().iter().flatten() {
            self.add_values(list.as_ref())?;
        }
        Ok(())
    }
}

/// `only_value(list)`: the value of a list of one, NULL for none, else an error.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OnlyValue {
    signature: Signature,
}

impl OnlyValue {
    fn new() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for OnlyValue {
    fn name(&self) -> &str {
        "only_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        match first_type(arg_types)? {
            DataType::List(item) => Ok(item.data_type().clone()),
            other => internal_err!("only_value takes a list, not {other}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(lists) = args.args.first() else {
            return internal_err!("an argument is missing");
        };
        let lists = lists.to_array(args.number_rows)?;
        let lists = lists.as_list::<i32>();
        let mut indexes = Vec::with_capacity(lists.len());
        for (row, range) in lists.offsets().windows(2).enumerate() {
            let [start, end] = range else {
                return internal_err!("offsets come in pairs");
            };
            let length = if lists.is_null(row) { 0 } else { end - start };
            match length {
                0 => indexes.push(None),
                1 => indexes.push(u64::try_from(*start).ok()),
                _ => {
                    return exec_err!(
                        "SCALAR_SUBQUERY_TOO_MANY_ROWS: a subquery that is used as a value has more \
                         than one row; write an aggregate such as max(…), or a condition that leaves \
                         one row"
                    );
                }
            }
        }
        let indexes: PrimitiveArray<UInt64Type> = indexes.into_iter().collect();
        Ok(ColumnarValue::Array(take(lists.values(), &indexes, None)?))
    }
}
