//! How a Spark function is defined: a name, the kinds of its arguments, the type
//! of its result, and the code that computes a batch.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::arguments::Arguments;
use super::kinds::{Kind, plain_type};

/// A function under Spark's name, with Spark's meaning in every form.
pub(crate) struct SparkFunction {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// The kinds of the arguments, in order.
    pub(crate) parameters: &'static [Kind],
    /// How many of the last parameters may be left out.
    pub(crate) optional: usize,
    /// Whether the last parameter may be repeated.
    pub(crate) variadic: bool,
    /// The type of the result for arguments of these types.
    pub(crate) result: fn(&[DataType]) -> Result<DataType>,
    /// Computes a batch; the result has [`Arguments::rows`] values.
    pub(crate) evaluate: fn(&Arguments<'_>) -> Result<datafusion::arrow::array::ArrayRef>,
}

impl SparkFunction {
    /// A function with exactly these arguments.
    pub(crate) const fn new(
        name: &'static str,
        parameters: &'static [Kind],
        result: fn(&[DataType]) -> Result<DataType>,
        evaluate: fn(&Arguments<'_>) -> Result<datafusion::arrow::array::ArrayRef>,
    ) -> Self {
        Self {
            name,
            aliases: &[],
            parameters,
            optional: 0,
            variadic: false,
            result,
            evaluate,
        }
    }

    pub(crate) const fn with_aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) const fn with_optional(mut self, optional: usize) -> Self {
        self.optional = optional;
        self
    }

    /// The last parameter may be repeated, or left out as `optional` says.
    pub(crate) const fn variadic(mut self) -> Self {
        self.variadic = true;
        self
    }

    /// As DataFusion's function.
    pub(crate) fn to_udf(&'static self) -> ScalarUDF {
        ScalarUDF::from(SparkUdf {
            function: self,
            aliases: self.aliases.iter().map(|&alias| alias.to_owned()).collect(),
            signature: Signature::user_defined(Volatility::Immutable),
        })
    }

    /// The call as Spark's reference writes it, for messages.
    fn call_form(&self) -> String {
        let first_optional = self.parameters.len().saturating_sub(self.optional);
        let mut form = format!("{}(", self.name);
        for (at, kind) in self.parameters.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            if at >= first_optional {
                form.push_str(&format!("[{comma}{}]", kind.describe()));
            } else {
                form.push_str(&format!("{comma}{}", kind.describe()));
            }
        }
        form.push_str(if self.variadic { ", …)" } else { ")" });
        form
    }

    fn kind_of(&self, at: usize) -> Option<Kind> {
        let last = self.parameters.len().checked_sub(1)?;
        match self.parameters.get(at) {
            Some(kind) => Some(*kind),
            None if self.variadic => self.parameters.get(last).copied(),
            None => None,
        }
    }

    fn check_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let least = self.parameters.len().saturating_sub(self.optional);
        if types.len() < least || (!self.variadic && types.len() > self.parameters.len()) {
            return Err(DataFusionError::Plan(format!(
                "`{}` does not take {} arguments; write {}",
                self.name,
                types.len(),
                self.call_form()
            )));
        }
        types
            .iter()
            .enumerate()
            .map(|(at, given)| {
                let plain = plain_type(given);
                match self.kind_of(at) {
                    Some(kind) if kind.accepts(&plain) => Ok(plain),
                    _ => Err(DataFusionError::Plan(format!(
                        "argument {} of `{}` cannot be of type {plain}; write {}, with CAST \
                         where a value has another type",
                        at + 1,
                        self.name,
                        self.call_form()
                    ))),
                }
            })
            .collect()
    }
}

/// What a parameter of a function of this crate takes; `None` of other functions.
pub(crate) fn parameter_kind(function: &ScalarUDF, at: usize) -> Option<Kind> {
    let own = function.inner().downcast_ref::<SparkUdf>()?;
    own.function.kind_of(at)
}

/// [`SparkFunction`] as DataFusion calls it.
struct SparkUdf {
    function: &'static SparkFunction,
    aliases: Vec<String>,
    signature: Signature,
}

impl std::fmt::Debug for SparkUdf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SparkUdf({})", self.function.name)
    }
}

impl PartialEq for SparkUdf {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for SparkUdf {}

impl Hash for SparkUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for SparkUdf {
    fn name(&self) -> &str {
        self.function.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.check_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let plain: Vec<DataType> = types.iter().map(plain_type).collect();
        (self.function.result)(&plain)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args
            .arg_fields
            .iter()
            .map(|field| plain_type(field.data_type()))
            .collect();
        let result = (self.function.result)(&types)?;
        Ok(Arc::new(Field::new(self.function.name, result, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments = Arguments::new(self.function.name, &args)?;
        arguments.check_constant_bytes()?;
        let constant = arguments.is_constant();
        let result = (self.function.evaluate)(&arguments)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
                &result, 0,
            )?));
        }
        Ok(ColumnarValue::Array(result))
    }
}
