//! One value held against one input field.

use lamp_core::package::{Datatype, Field};
use lamp_core::table::Values;
use serde_json::Value;

use super::InputError;

/// A column that grows value by value, each checked against its field.
pub(super) struct ColumnReader<'a> {
    field: &'a Field,
    values: Values,
}

impl<'a> ColumnReader<'a> {
    pub(super) fn new(field: &'a Field, capacity: usize) -> Self {
        let values = match field.datatype {
            Datatype::Bool => Values::Bool(Vec::with_capacity(capacity)),
            Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => {
                Values::Int(Vec::with_capacity(capacity))
            }
            Datatype::Fp32 | Datatype::Fp64 => Values::Float(Vec::with_capacity(capacity)),
            Datatype::Bytes => Values::Text(Vec::with_capacity(capacity)),
        };
        Self { field, values }
    }

    pub(super) fn finish(self) -> Values {
        self.values
    }

    /// Takes one JSON value; `path` is only built when it is refused.
    pub(super) fn push(&mut self, value: &Value, path: impl Fn() -> String) -> Result<(), InputError> {
        self.read(value).map_err(|problem| InputError::new(path(), problem))
    }

    /// Takes a value that is not there.
    pub(super) fn push_missing(&mut self, path: impl Fn() -> String) -> Result<(), InputError> {
        if !self.field.nullable {
            return Err(InputError::new(path(), "is missing"));
        }
        self.push_null();
        Ok(())
    }

    fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(v) => v.push(None),
            Values::Int(v) | Values::Instant(v) => v.push(None),
            Values::Float(v) => v.push(None),
            Values::Text(v) => v.push(None),
        }
    }

    fn read(&mut self, value: &Value) -> Result<(), String> {
        if value.is_null() {
            if !self.field.nullable {
                return Err(format!("expected {}, got null", wanted(self.field.datatype)));
            }
            self.push_null();
            return Ok(());
        }
        let unexpected = || format!("expected {}, got {}", wanted(self.field.datatype), shown(value));
        match &mut self.values {
            Values::Bool(column) => {
                let flag = value.as_bool().ok_or_else(unexpected)?;
                check_classes(self.field, value)?;
                column.push(Some(flag));
            }
            Values::Int(column) | Values::Instant(column) => {
                let int = whole(value).ok_or_else(unexpected)?;
                let (low, high) = int_range(self.field.datatype);
                if int < low || int > high {
                    return Err(format!("{int} does not fit {}", self.field.datatype.as_str()));
                }
                check_range(self.field, crate::outputs::int_as_float(int))?;
                check_classes(self.field, &Value::from(int))?;
                column.push(Some(int));
            }
            Values::Float(column) => {
                let float = value.as_f64().ok_or_else(unexpected)?;
                if self.field.datatype == Datatype::Fp32 && float.abs() > f64::from(f32::MAX) {
                    return Err(format!("{float} does not fit FP32"));
                }
                check_range(self.field, float)?;
                check_classes(self.field, value)?;
                column.push(Some(float));
            }
            Values::Text(column) => {
                let text = value.as_str().ok_or_else(unexpected)?;
                if text.contains('\0') {
                    return Err("text with a NUL character is refused".to_owned());
                }
                check_classes(self.field, value)?;
                column.push(Some(text.to_owned()));
            }
        }
        Ok(())
    }
}

/// A JSON integer, or a float that is one (`3.0`).
fn whole(value: &Value) -> Option<i64> {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    value.as_i64().or_else(|| {
        let float = value.as_f64()?;
        let is_whole = float.fract() == 0.0 && float.abs() <= EXACT_MAX;
        is_whole.then(|| float_as_int(float))
    })
}

/// Exact: only called with whole numbers up to 2^53.
#[allow(clippy::cast_possible_truncation)]
fn float_as_int(float: f64) -> i64 {
    float as i64
}

pub(super) const fn int_range(datatype: Datatype) -> (i64, i64) {
    match datatype {
        Datatype::Int8 => (-128, 127),
        Datatype::Int16 => (-32_768, 32_767),
        Datatype::Int32 => (-2_147_483_648, 2_147_483_647),
        Datatype::Bool | Datatype::Int64 | Datatype::Fp32 | Datatype::Fp64 | Datatype::Bytes => (i64::MIN, i64::MAX),
    }
}

fn check_range(field: &Field, number: f64) -> Result<(), String> {
    if let Some(min) = field.min
        && number < min
    {
        return Err(format!("{number} is below {min}, the smallest value allowed"));
    }
    if let Some(max) = field.max
        && number > max
    {
        return Err(format!("{number} is above {max}, the largest value allowed"));
    }
    Ok(())
}

fn check_classes(field: &Field, value: &Value) -> Result<(), String> {
    let Some(classes) = &field.classes else { return Ok(()) };
    if classes.iter().any(|class| same(class, value)) {
        return Ok(());
    }
    let known = classes.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    Err(format!("{} is none of {}", shown(value), cut(&known)))
}

/// Whether two JSON scalars mean the same: 1 and 1.0 do.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a))
}

fn wanted(datatype: Datatype) -> &'static str {
    match datatype {
        Datatype::Bool => "true or false",
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => "an integer",
        Datatype::Fp32 | Datatype::Fp64 => "a number",
        Datatype::Bytes => "text",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => cut(&value.to_string()),
    }
}

/// Error messages quote at most this many characters of what came in.
const QUOTE_MAX: usize = 80;

fn cut(text: &str) -> String {
    if text.chars().count() <= QUOTE_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(QUOTE_MAX).collect();
    format!("{start}…")
}
