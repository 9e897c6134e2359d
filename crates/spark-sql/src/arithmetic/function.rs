//! The functions of the operations: those that fail where there is no result, and
//! those that give NULL there.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type,
};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable as _, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDFImpl, Signature, Volatility,
};

use super::decimal_types::{DecimalType, exact_digits};
use super::decimals::{compute_decimals, divide_decimals_integrally};
use super::error::ArithmeticError;
use super::integers::{CheckedInteger, compute_integers};
use super::kernel::{Computed, Operand, compute, into_columnar, row_count, shared};
use super::operation::Operation;
use crate::types::sql_type_name;

/// What a row without a result gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum OnFailure {
    Fail,
    Null,
}

/// `left <operation> right` with Spark's types and errors.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ArithmeticFunction {
    operation: Operation,
    on_failure: OnFailure,
    signature: Signature,
}

impl ArithmeticFunction {
    pub(crate) fn new(operation: Operation, on_failure: OnFailure) -> Self {
        Self {
            operation,
            on_failure,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    pub(crate) const fn operation(&self) -> Operation {
        self.operation
    }

    /// The engine's operator of the operation, for dates, timestamps and intervals.
    pub(crate) const fn engine_operator(&self) -> Option<Operator> {
        match (self.on_failure, self.operation) {
            (_, Operation::Add) => Some(Operator::Plus),
            (_, Operation::Subtract) => Some(Operator::Minus),
            (OnFailure::Fail, Operation::Multiply) => Some(Operator::Multiply),
            (OnFailure::Fail, Operation::Divide) => Some(Operator::Divide),
            _ => None,
        }
    }

    /// The type of `try_add` and `try_subtract` of times, which the analyzer replaces by
    /// the engine's operators.
    fn type_of_times(&self, left: &DataType, right: &DataType) -> Option<Result<DataType>> {
        if self.on_failure == OnFailure::Fail || !(left.is_temporal() || right.is_temporal()) {
            return None;
        }
        let operator = self.engine_operator()?;
        Some(BinaryTypeCoercer::new(left, &operator, right).get_result_type())
    }

    /// Whether a row can be without a result for these operands, so that the
    /// operation can end the query.
    pub(crate) fn can_fail(
        &self,
        left: &DataType,
        right: &DataType,
        divisor: Option<&Expr>,
    ) -> bool {
        if self.on_failure == OnFailure::Null {
            return false;
        }
        let Ok([left, right]) = self.operation.operand_types(left, right) else {
            return true;
        };
        let zero_excluded = divisor.is_some_and(is_nonzero_literal);
        if self.operation.divides() && !zero_excluded {
            return true;
        }
        match (
            DecimalType::from_data_type(&left),
            DecimalType::from_data_type(&right),
        ) {
            (Some(left), Some(right)) => {
                let (precision, _) = exact_digits(self.operation, left, right);
                precision > 38 || self.operation == Operation::IntegralDivide
            }
            _ => {
                !left.is_floating()
                    && !matches!(
                        self.operation,
                        Operation::Remainder
                            | Operation::PositiveRemainder
                            | Operation::IntegralDivide
                    )
            }
        }
    }

    /// A name that differs where the operands do.
    fn short_name(&self, args: &[Expr]) -> String {
        // The same in every process, unlike those of hash maps.
        let mut hasher = DefaultHasher::new();
        args.hash(&mut hasher);
        format!("{}(… {:016x})", self.name(), hasher.finish())
    }

    fn compute(
        &self,
        left: &ColumnarValue,
        right: &ColumnarValue,
        rows: usize,
    ) -> Result<ArrayRef> {
        let types = (left.data_type(), right.data_type());
        match types {
            (DataType::Int8, DataType::Int8) => self.compute_as::<Int8Type>(left, right, rows),
            (DataType::Int16, DataType::Int16) => self.compute_as::<Int16Type>(left, right, rows),
            (DataType::Int32, DataType::Int32) => self.compute_as::<Int32Type>(left, right, rows),
            (DataType::Int64, DataType::Int64) => self.compute_as::<Int64Type>(left, right, rows),
            (DataType::Float32, DataType::Float32) => {
                let (left, right) = operands::<Float32Type>(left, right)?;
                let operation = self.operation;
                let computed: Computed<Float32Type> = compute(&left, &right, rows, |l, r| {
                    (
                        compute_float(operation, l, r),
                        operation.divides() && r == 0.0,
                    )
                });
                self.finish(computed, &left, &right)
            }
            (DataType::Float64, DataType::Float64) => {
                let (left, right) = operands::<Float64Type>(left, right)?;
                let operation = self.operation;
                let computed: Computed<Float64Type> = compute(&left, &right, rows, |l, r| {
                    (
                        compute_float(operation, l, r),
                        operation.divides() && r == 0.0,
                    )
                });
                self.finish(computed, &left, &right)
            }
            (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) => self.compute_decimals(
                left,
                DecimalType::new(p1, s1),
                right,
                DecimalType::new(p2, s2),
                rows,
            ),
            (left, right) => internal_err!(
                "`{}` got operands of the types {left} and {right}",
                self.operation.symbol()
            ),
        }
    }

    fn compute_as<T>(
        &self,
        left: &ColumnarValue,
        right: &ColumnarValue,
        rows: usize,
    ) -> Result<ArrayRef>
    where
        T: ArrowPrimitiveType,
        T::Native: CheckedInteger,
    {
        let (left, right) = operands::<T>(left, right)?;
        let computed = compute_integers::<T>(self.operation, &left, &right, rows);
        self.finish(computed, &left, &right)
    }

    fn compute_decimals(
        &self,
        left: &ColumnarValue,
        left_type: DecimalType,
        right: &ColumnarValue,
        right_type: DecimalType,
        rows: usize,
    ) -> Result<ArrayRef> {
        let (left, right) = operands::<Decimal128Type>(left, right)?;
        if self.operation == Operation::IntegralDivide {
            let computed = divide_decimals_integrally(&left, left_type, &right, right_type, rows);
            return self.finish(computed, &left, &right);
        }
        let result = super::decimal_types::result_type(self.operation, left_type, right_type);
        let computed = compute_decimals(self.operation, &left, left_type, &right, right_type, rows);
        let array = self.finish_primitive(computed, &left, &right, &result.data_type())?;
        Ok(shared(array.with_precision_and_scale(
            result.precision,
            result.scale,
        )?))
    }

    fn finish<T: ArrowPrimitiveType, O: ArrowPrimitiveType>(
        &self,
        computed: Computed<O>,
        left: &Operand<T>,
        right: &Operand<T>,
    ) -> Result<ArrayRef> {
        Ok(shared(self.finish_primitive(
            computed,
            left,
            right,
            &O::DATA_TYPE,
        )?))
    }

    fn finish_primitive<T: ArrowPrimitiveType, O: ArrowPrimitiveType>(
        &self,
        computed: Computed<O>,
        left: &Operand<T>,
        right: &Operand<T>,
        result: &DataType,
    ) -> Result<PrimitiveArray<O>> {
        if self.on_failure == OnFailure::Fail
            && let Some(row) = computed.first_failure()
        {
            return Err(self.describe_failure(left, right, row, result)?.into());
        }
        Ok(computed.into_array())
    }

    fn describe_failure<T: ArrowPrimitiveType>(
        &self,
        left: &Operand<T>,
        right: &Operand<T>,
        row: usize,
        result: &DataType,
    ) -> Result<ArithmeticError> {
        let (left, right) = (left.text_at(row)?, right.text_at(row)?);
        let expression = format!("{left} {} {right}", self.operation.symbol());
        let try_form = match self.operation {
            Operation::IntegralDivide => "CAST(try_divide(a, b) AS BIGINT)".to_owned(),
            Operation::PositiveRemainder => "try_mod(a, b)".to_owned(),
            operation => format!("{}(a, b)", operation.try_name()),
        };
        let is_zero = right.parse::<f64>().is_ok_and(|right| right == 0.0);
        Ok(if self.operation.divides() && is_zero {
            ArithmeticError::DivideByZero {
                expression,
                try_form,
            }
        } else {
            ArithmeticError::Overflow {
                expression,
                data_type: sql_type_name(result),
                try_form,
            }
        })
    }
}

fn is_nonzero_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => {
            !value.is_null() && value.to_string().parse::<f64>().is_ok_and(|v| v != 0.0)
        }
        Expr::Cast(cast) => is_nonzero_literal(&cast.expr),
        Expr::Alias(alias) => is_nonzero_literal(&alias.expr),
        _ => false,
    }
}

fn operands<T: ArrowPrimitiveType>(
    left: &ColumnarValue,
    right: &ColumnarValue,
) -> Result<(Operand<T>, Operand<T>)> {
    Ok((
        Operand::from_columnar(left)?,
        Operand::from_columnar(right)?,
    ))
}

fn compute_float<F>(operation: Operation, left: F, right: F) -> F
where
    F: std::ops::Add<Output = F>
        + std::ops::Sub<Output = F>
        + std::ops::Mul<Output = F>
        + std::ops::Div<Output = F>
        + std::ops::Rem<Output = F>
        + Copy
        + PartialOrd
        + Default,
{
    match operation {
        Operation::Add => left + right,
        Operation::Subtract => left - right,
        Operation::Multiply => left * right,
        Operation::Divide | Operation::IntegralDivide => left / right,
        Operation::Remainder => left % right,
        Operation::PositiveRemainder => {
            let rest = left % right;
            if rest < F::default() {
                (rest + right) % right
            } else {
                rest
            }
        }
    }
}

impl<T: ArrowPrimitiveType> Operand<T> {
    /// The value of `row` as it is written.
    fn text_at(&self, row: usize) -> Result<String> {
        let array = match self {
            Self::Column(array) => array.slice(row, 1),
            Self::Value(array) => array.clone(),
            Self::Null => return Ok("NULL".to_owned()),
        };
        let options = FormatOptions::default();
        Ok(ArrayFormatter::try_new(&array, &options)?
            .value(0)
            .to_string())
    }
}

/// The most operations that follow each other and have their names written.
const MAX_NAMED_OPERATIONS: usize = 16;

/// Whether an operand is made of many operations. The engine asks for the name of every
/// part of an expression, and of every part of that, so that writing the name of
/// `a + a + …` each time would take time that is cubic in its terms.
fn is_long_chain(operand: &Expr) -> bool {
    let mut operand = operand;
    for _ in 0..MAX_NAMED_OPERATIONS {
        let Some([left, right]) = operands_of(operand) else {
            return false;
        };
        operand = if operands_of(left).is_some() {
            left
        } else {
            right
        };
    }
    true
}

/// The operands of one of these functions.
fn operands_of(expr: &Expr) -> Option<&[Expr; 2]> {
    match expr {
        Expr::ScalarFunction(call) => {
            call.func.inner().downcast_ref::<ArithmeticFunction>()?;
            call.args.as_array()
        }
        _ => None,
    }
}

/// The type of an expression. Unlike `ExprSchemable::get_type` it does not write the
/// names of the parts.
pub(crate) fn type_of(expr: &Expr, schema: &DFSchema) -> Result<DataType> {
    if let Expr::ScalarFunction(call) = expr
        && let Some(function) = call.func.inner().downcast_ref::<ArithmeticFunction>()
    {
        let types = call.args.iter().map(|arg| type_of(arg, schema));
        return function.return_type(&types.collect::<Result<Vec<_>>>()?);
    }
    expr.get_type(schema)
}

impl ScalarUDFImpl for ArithmeticFunction {
    fn name(&self) -> &str {
        match self.on_failure {
            OnFailure::Fail => self.operation.checked_name(),
            OnFailure::Null => self.operation.try_name(),
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match (self.on_failure, args) {
            (_, [left, right]) if is_long_chain(left) || is_long_chain(right) => {
                Ok(self.short_name(args))
            }
            (OnFailure::Fail, [left, right]) if self.operation != Operation::PositiveRemainder => {
                Ok(format!(
                    "{} {} {}",
                    left.schema_name(),
                    self.operation.symbol(),
                    right.schema_name()
                ))
            }
            _ => {
                let args: Vec<String> = args
                    .iter()
                    .map(|arg| arg.schema_name().to_string())
                    .collect();
                Ok(format!("{}({})", self.name(), args.join(",")))
            }
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = take_function_args(self.name(), types)?;
        if self.type_of_times(left, right).is_some() {
            return Ok(types.to_vec());
        }
        Ok(self.operation.operand_types(left, right)?.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [left, right] = take_function_args(self.name(), types)?;
        if let Some(time) = self.type_of_times(left, right) {
            return time;
        }
        // The types can be those before coercion.
        let [left, right] = self.operation.operand_types(left, right)?;
        self.operation.result_type(&left, &right)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let nullable = self.on_failure == OnFailure::Null
            || args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(
            self.name(),
            self.return_type(&types)?,
            nullable,
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = take_function_args(self.name(), args.args.as_slice())?;
        let rows = row_count(&args.args).unwrap_or(1);
        into_columnar(self.compute(left, right, rows)?, &args.args)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::col;

    use super::super::checked;
    use super::*;

    /// `a + a + …`, and the letters of the names of all its parts.
    fn sum_of(terms: usize, last: &str) -> (Expr, usize) {
        let mut sum = col("a");
        let mut letters = 0;
        for term in 1..terms {
            let next = if term + 1 == terms { last } else { "a" };
            sum = checked(Operation::Add).call(vec![sum, col(next)]);
            letters += sum.schema_name().to_string().len();
        }
        (sum, letters)
    }

    #[test]
    fn names_of_long_sums_do_not_grow() {
        let ((_, letters), (_, twice)) = (sum_of(100, "a"), sum_of(200, "a"));
        assert!(twice < letters * 3, "{letters} letters, and {twice}");
        let name = |last| sum_of(200, last).0.schema_name().to_string();
        assert_ne!(name("a"), name("b"));
        assert_eq!(name("a"), name("a"));
        assert_eq!(sum_of(3, "b").0.schema_name().to_string(), "a + a + b");
    }
}
