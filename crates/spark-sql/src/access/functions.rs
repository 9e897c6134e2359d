//! The functions that access is planned as.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array, make_array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::{ARRAY_FIELD, ARRAY_ITEM, MAP_ITEM};
use crate::functions::{Arguments, Kind, SparkFunction, element_range, value_of_key};

/// The functions of this folder.
pub(crate) fn access_functions() -> impl Iterator<Item = Arc<ScalarUDF>> {
    FUNCTIONS.iter().map(Arc::clone)
}

static FUNCTIONS: LazyLock<Vec<Arc<ScalarUDF>>> = LazyLock::new(|| {
    vec![
        Arc::new(ITEM.to_udf()),
        Arc::new(VALUE.to_udf()),
        Arc::new(ScalarUDF::from(ArrayField {
            signature: Signature::any(2, Volatility::Immutable),
        })),
    ]
});

static ITEM: SparkFunction = SparkFunction::new(
    ARRAY_ITEM,
    &[Kind::Array, Kind::Int],
    |types| match types.first() {
        Some(DataType::List(element)) => Ok(element.data_type().clone()),
        _ => Ok(DataType::Null),
    },
    item_of_array,
);

static VALUE: SparkFunction = SparkFunction::new(
    MAP_ITEM,
    &[Kind::Map, Kind::Any],
    |types| types.first().map_or(Ok(DataType::Null), value_type),
    value_of_key,
);

/// The type of a map's values.
pub(super) fn value_type(map: &DataType) -> Result<DataType> {
    match map {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => Ok(fields[1].data_type().clone()),
            other => plan_err!("{other} is no type of entries"),
        },
        _ => Ok(DataType::Null),
    }
}

/// The element at a position from 0; a position outside the array is an error.
fn item_of_array(args: &Arguments<'_>) -> Result<ArrayRef> {
    let (lists, positions) = (args.list(0)?, args.int(1)?);
    let list = lists.array();
    let mut picked = Vec::with_capacity(args.rows());
    for row in 0..args.rows() {
        let at = lists.position(row);
        let Some(position) = positions.get(row).filter(|_| list.is_valid(at)) else {
            picked.push(None);
            continue;
        };
        let range = element_range(list, at);
        let place = usize::try_from(position)
            .ok()
            .filter(|position| *position < range.len())
            .ok_or_else(|| {
                DataFusionError::Execution(format!(
                    "[INVALID_ARRAY_INDEX] the index {position} is outside an array of {} \
                     elements, which count from 0; use get(array, index) where that is to give \
                     NULL",
                    range.len()
                ))
            })?;
        picked.push(u32::try_from(range.start + place).ok());
    }
    let picked = take(list.values(), &UInt32Array::from(picked), None)?;
    Ok(match picked.data_type() == args.result_type() {
        true => picked,
        false => cast(&picked, args.result_type())?,
    })
}

/// `array_field(array, 'name')`: the field of each struct of an array, as an array.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayField {
    signature: Signature,
}

impl ScalarUDFImpl for ArrayField {
    fn name(&self) -> &str {
        ARRAY_FIELD
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        plan_err!("the type of {ARRAY_FIELD} depends on the field's name")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<Arc<Field>> {
        let name = args.scalar_arguments.get(1).copied().flatten();
        let fields = args.arg_fields.first().map(|field| field.data_type());
        let found = match (fields, name.and_then(|name| name.try_as_str().flatten())) {
            (Some(DataType::List(element)), Some(name)) => match element.data_type() {
                DataType::Struct(fields) => fields.find(name).map(|(_, field)| field),
                _ => None,
            },
            _ => None,
        };
        match found {
            Some(field) => {
                let element = Field::new_list_field(field.data_type().clone(), true);
                let data_type = DataType::List(Arc::new(element));
                Ok(Arc::new(Field::new(ARRAY_FIELD, data_type, true)))
            }
            None => plan_err!("{ARRAY_FIELD} takes an array of structs and the name of a field"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [list, ColumnarValue::Scalar(name)] = args.args.as_slice() else {
            return plan_err!("the name of a field of {ARRAY_FIELD} is a constant");
        };
        let name = name.try_as_str().flatten().unwrap_or_default();
        let is_constant = matches!(list, ColumnarValue::Scalar(_));
        let list = list.to_array(args.number_rows)?;
        let fields = field_of_elements(list.as_list::<i32>(), name)?;
        Ok(if is_constant && args.number_rows > 0 {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&fields, 0)?)
        } else {
            ColumnarValue::Array(fields)
        })
    }
}

fn field_of_elements(list: &ListArray, name: &str) -> Result<ArrayRef> {
    let structs = list.values().as_struct();
    let Some(values) = structs.column_by_name(name) else {
        return plan_err!("Field {name} not found in struct");
    };
    // A field of a struct that is NULL is NULL.
    let nulls = NullBuffer::union(structs.nulls(), values.nulls());
    let values = values.to_data().into_builder().nulls(nulls).build()?;
    let element = Field::new_list_field(values.data_type().clone(), true);
    Ok(Arc::new(ListArray::try_new(
        Arc::new(element),
        list.offsets().clone(),
        make_array(values),
        list.nulls().cloned(),
    )?))
}
