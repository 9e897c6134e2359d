//! `bool_and` and `bool_or`: DataFusion's, over frames that slide as well.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::bool_and_or::{bool_and_udaf, bool_or_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature,
};

use super::sliding::{Combine, SlidingAccumulator};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Quantifier {
    All,
    Any,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct BooleanFunction {
    quantifier: Quantifier,
    inner: Arc<AggregateUDF>,
    aliases: Vec<String>,
}

impl BooleanFunction {
    pub(super) fn new(quantifier: Quantifier) -> Self {
        let (inner, aliases): (_, &[&str]) = match quantifier {
            Quantifier::All => (bool_and_udaf(), &["every"]),
            Quantifier::Any => (bool_or_udaf(), &["some", "any"]),
        };
        Self {
            quantifier,
            inner,
            aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
        }
    }
}

impl AggregateUDFImpl for BooleanFunction {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.inner.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SlidingAccumulator::new(self.quantifier)))
    }
}

impl Combine for Quantifier {
    type Total = bool;

    fn read_rows(&self, values: &[ArrayRef]) -> Result<Vec<bool>> {
        match values.first() {
            Some(values) => Ok(values.as_boolean().iter().flatten().collect()),
            None => internal_err!("an aggregate without argument"),
        }
    }

    fn combine(&self, older: &bool, newer: &bool) -> bool {
        match self {
            Self::All => *older && *newer,
            Self::Any => *older || *newer,
        }
    }

    fn finish(&self, total: Option<bool>) -> Result<ScalarValue> {
        Ok(ScalarValue::Boolean(total))
    }
}
