//! Arrow columns as the vocabulary's values.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use lamp_core::profile::ColumnKind;
use lamp_core::table::Values;

use crate::source::cast_strictly;
use crate::types;

/// An array as values: integers, floats, booleans, instants and text as they are, anything else as
/// its text.
pub(crate) fn of(array: &ArrayRef) -> Result<Values, String> {
    match types::kind(array.data_type()) {
        ColumnKind::Bool => Ok(Values::Bool(array.as_boolean().iter().collect())),
        ColumnKind::Int => {
            let array = cast_strictly(array, &DataType::Int64)?;
            Ok(Values::Int(array.as_primitive::<Int64Type>().iter().collect()))
        }
        ColumnKind::Float => {
            let array = cast_strictly(array, &DataType::Float64)?;
            Ok(Values::Float(array.as_primitive::<Float64Type>().iter().collect()))
        }
        ColumnKind::Date | ColumnKind::Instant => {
            let array = cast_strictly(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            Ok(Values::Instant(array.as_primitive::<TimestampMicrosecondType>().iter().collect()))
        }
        ColumnKind::Null => Ok(Values::Text(vec![None; array.len()])),
        ColumnKind::Text | ColumnKind::Time | ColumnKind::List | ColumnKind::Struct | ColumnKind::Other => {
            let array = cast_strictly(array, &DataType::Utf8)?;
            Ok(Values::Text(array.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()))
        }
    }
}

/// Several arrays of one type, one after the other, as values.
pub(crate) fn of_all(arrays: &[ArrayRef]) -> Result<Values, String> {
    if let [only] = arrays {
        return of(only);
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    of(&concat(&arrays).map_err(|e| e.to_string())?)
}
