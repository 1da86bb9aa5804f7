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

    /// Takes one value of a typed column; null and not-a-number are both a value that is not there.
    pub(super) fn push_from(
        &mut self,
        values: &Values,
        at: usize,
        path: impl Fn() -> String,
    ) -> Result<(), InputError> {
        self.take(cell_at(values, at)).map_err(|problem| InputError::new(path(), problem))
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
        let cell = cell_of(value, self.field.datatype)
            .ok_or_else(|| format!("expected {}, got {}", wanted(self.field.datatype), shown(value)))?;
        self.take(cell)
    }

    fn take(&mut self, cell: Cell<'_>) -> Result<(), String> {
        let field = self.field;
        match (&mut self.values, cell) {
            (_, Cell::Null) if field.nullable => self.push_null(),
            (Values::Bool(column), Cell::Bool(flag)) => {
                check_classes(field, cell)?;
                column.push(Some(flag));
            }
            (Values::Int(column) | Values::Instant(column), Cell::Int(int)) => {
                let (low, high) = int_range(field.datatype);
                if int < low || int > high {
                    return Err(format!("{int} does not fit {}", field.datatype.as_str()));
                }
                check_range(field, crate::outputs::int_as_float(int))?;
                check_classes(field, cell)?;
                column.push(Some(int));
            }
            (Values::Float(column), Cell::Float(float)) => {
                check_float(field, float)?;
                check_classes(field, cell)?;
                column.push(Some(float));
            }
            (Values::Float(column), Cell::Int(int)) => {
                let float = crate::outputs::int_as_float(int);
                check_float(field, float)?;
                check_classes(field, cell)?;
                column.push(Some(float));
            }
            (Values::Text(column), Cell::Text(text)) => {
                if text.contains('\0') {
                    return Err("text with a NUL character is refused".to_owned());
                }
                check_classes(field, cell)?;
                column.push(Some(text.to_owned()));
            }
            (_, Cell::Null | Cell::Bool(_) | Cell::Int(_) | Cell::Float(_) | Cell::Text(_)) => {
                return Err(format!("expected {}, got {}", wanted(field.datatype), shown(&cell.json())));
            }
        }
        Ok(())
    }
}

/// One value as it came in, from JSON or from a typed column.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
}

impl Cell<'_> {
    /// The value in JSON, for messages.
    fn json(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Int(int) => Value::from(int),
            Self::Float(float) => Value::from(float),
            Self::Text(text) => Value::from(text),
        }
    }

    /// Whether a declared class is this value.
    fn is(self, class: &Value) -> bool {
        match self {
            Self::Null => class.is_null(),
            Self::Bool(flag) => class.as_bool() == Some(flag),
            Self::Int(int) => class.as_i64() == Some(int) || class.as_f64() == Some(crate::outputs::int_as_float(int)),
            Self::Float(float) => class.as_f64() == Some(float),
            Self::Text(text) => class.as_str() == Some(text),
        }
    }
}

/// A JSON value as a column of `datatype` takes it.
fn cell_of(value: &Value, datatype: Datatype) -> Option<Cell<'_>> {
    if value.is_null() {
        return Some(Cell::Null);
    }
    match datatype {
        Datatype::Bool => value.as_bool().map(Cell::Bool),
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => whole(value).map(Cell::Int),
        Datatype::Fp32 | Datatype::Fp64 => value.as_f64().map(Cell::Float),
        Datatype::Bytes => value.as_str().map(Cell::Text),
    }
}

fn cell_at(values: &Values, at: usize) -> Cell<'_> {
    match values {
        Values::Bool(v) => v.get(at).copied().flatten().map_or(Cell::Null, Cell::Bool),
        Values::Int(v) | Values::Instant(v) => v.get(at).copied().flatten().map_or(Cell::Null, Cell::Int),
        Values::Float(v) => {
            v.get(at).copied().flatten().filter(|float| !float.is_nan()).map_or(Cell::Null, Cell::Float)
        }
        Values::Text(v) => v.get(at).and_then(Option::as_deref).map_or(Cell::Null, Cell::Text),
    }
}

fn check_float(field: &Field, float: f64) -> Result<(), String> {
    if float.is_infinite() {
        return Err(format!("expected a finite number, got {float}"));
    }
    if field.datatype == Datatype::Fp32 && float.abs() > f64::from(f32::MAX) {
        return Err(format!("{float} does not fit FP32"));
    }
    check_range(field, float)
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

fn check_classes(field: &Field, cell: Cell<'_>) -> Result<(), String> {
    let Some(classes) = &field.classes else { return Ok(()) };
    if classes.iter().any(|class| cell.is(class)) {
        return Ok(());
    }
    let known = classes.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    Err(format!("{} is none of {}", shown(&cell.json()), cut(&known)))
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
