//! Between rows and values.

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use lamp_core::actor::Actor;
use lamp_core::digest::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row, Type};

use crate::{LedgerError, Result};

/// A row that stands for something.
#[derive(Clone, Copy)]
pub(crate) struct Record<'r> {
    row: &'r AnyRow,
    what: &'static str,
}

impl<'r> Record<'r> {
    /// Reads `row` as the record of a `what`.
    pub(crate) fn new(row: &'r AnyRow, what: &'static str) -> Self {
        Self { row, what }
    }

    fn damaged(self, column: &'static str, why: String) -> LedgerError {
        LedgerError::Damaged { what: self.what, column, why }
    }

    fn get<T: Decode<'r, Any> + Type<Any>>(self, column: &'static str) -> Result<T> {
        self.row.try_get(column).map_err(|error| self.damaged(column, format!("cannot be read: {error}")))
    }

    /// A text.
    pub(crate) fn text(self, column: &'static str) -> Result<String> {
        self.get(column)
    }

    /// A text or nothing.
    pub(crate) fn optional_text(self, column: &'static str) -> Result<Option<String>> {
        self.get(column)
    }

    /// A number with a sign.
    pub(crate) fn integer(self, column: &'static str) -> Result<i64> {
        self.get(column)
    }

    /// A floating-point number.
    pub(crate) fn float(self, column: &'static str) -> Result<f64> {
        self.get(column)
    }

    /// A floating-point number or nothing.
    pub(crate) fn optional_float(self, column: &'static str) -> Result<Option<f64>> {
        self.get(column)
    }

    /// A number without a sign, of the width that is wanted.
    pub(crate) fn number<T: TryFrom<i64>>(self, column: &'static str) -> Result<T> {
        let number = self.integer(column)?;
        T::try_from(number).map_err(|_| self.damaged(column, format!("is {number}, out of range")))
    }

    /// A number without a sign, or nothing.
    pub(crate) fn optional_number<T: TryFrom<i64>>(self, column: &'static str) -> Result<Option<T>> {
        let number: Option<i64> = self.get(column)?;
        number
            .map(|number| T::try_from(number).map_err(|_| self.damaged(column, format!("is {number}, out of range"))))
            .transpose()
    }

    /// Yes or no.
    pub(crate) fn flag(self, column: &'static str) -> Result<bool> {
        match self.integer(column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.damaged(column, format!("is {other}, neither 0 nor 1"))),
        }
    }

    /// An instant.
    pub(crate) fn time(self, column: &'static str) -> Result<Timestamp> {
        Timestamp::from_microsecond(self.integer(column)?)
            .map_err(|error| self.damaged(column, format!("is no time: {error}")))
    }

    /// A civil day.
    pub(crate) fn day(self, column: &'static str) -> Result<Date> {
        let days = self.integer(column)?;
        let day = Span::new().try_days(days).ok().and_then(|span| FIRST_DAY.checked_add(span).ok());
        day.ok_or_else(|| self.damaged(column, format!("is {days}, no day")))
    }

    /// An instant or nothing.
    pub(crate) fn optional_time(self, column: &'static str) -> Result<Option<Timestamp>> {
        let micros: Option<i64> = self.get(column)?;
        micros
            .map(Timestamp::from_microsecond)
            .transpose()
            .map_err(|error| self.damaged(column, format!("is no time: {error}")))
    }

    /// A digest.
    pub(crate) fn digest(self, column: &'static str) -> Result<Digest> {
        self.parse(column, |text| Digest::parse(text).ok())
    }

    /// A digest or nothing.
    pub(crate) fn optional_digest(self, column: &'static str) -> Result<Option<Digest>> {
        self.optional_parse(column, |text| Digest::parse(text).ok())
    }

    /// A text that means something: a name, an id, a state.
    pub(crate) fn parse<T>(self, column: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let text = self.text(column)?;
        parse(&text).ok_or_else(|| self.damaged(column, format!("is `{text}`, which means nothing there")))
    }

    /// A text that means something, or nothing.
    pub(crate) fn optional_parse<T>(
        self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(text) = self.optional_text(column)? else { return Ok(None) };
        match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.damaged(column, format!("is `{text}`, which means nothing there"))),
        }
    }

    /// A JSON text.
    pub(crate) fn json<T: DeserializeOwned>(self, column: &'static str) -> Result<T> {
        serde_json::from_str(&self.text(column)?)
            .map_err(|error| self.damaged(column, format!("is not right: {error}")))
    }

    /// A JSON text, or nothing.
    pub(crate) fn optional_json<T: DeserializeOwned>(self, column: &'static str) -> Result<Option<T>> {
        let Some(text) = self.optional_text(column)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|error| self.damaged(column, format!("is not right: {error}")))
    }

    /// One word of a closed list that serde knows.
    pub(crate) fn word<T: DeserializeOwned>(self, column: &'static str) -> Result<T> {
        self.parse(column, |text| serde_json::from_value(serde_json::Value::String(text.to_owned())).ok())
    }

    /// An actor, kept in two columns.
    pub(crate) fn actor(self, name: &'static str, auth: &'static str) -> Result<Actor> {
        Ok(Actor { name: self.text(name)?, auth: self.word(auth)? })
    }
}

/// The JSON text to keep.
pub(crate) fn json<T: Serialize>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|_| LedgerError::Unstorable { what, why: "it has no JSON form" })
}

/// The stored word for a value of a closed list that serde knows.
pub(crate) fn word<T: Serialize>(what: &'static str, value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(_) | Err(_) => Err(LedgerError::Unstorable { what, why: "it is not one word" }),
    }
}

/// A text as both databases can keep it.
pub(crate) fn text<'t>(what: &'static str, text: &'t str) -> Result<&'t str> {
    if text.contains('\0') {
        return Err(LedgerError::Unstorable { what, why: "it contains a NUL character" });
    }
    Ok(text)
}

/// A text or nothing, as both databases can keep it.
pub(crate) fn optional_text<'t>(what: &'static str, value: Option<&'t str>) -> Result<Option<&'t str>> {
    value.map(|value| text(what, value)).transpose()
}

/// A count as both databases can keep it.
pub(crate) fn number(what: &'static str, number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| LedgerError::Unstorable { what, why: "the number is too large" })
}

/// Microseconds since the epoch.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Day zero.
const FIRST_DAY: Date = Date::constant(1970, 1, 1);

/// A civil day as the number of days since 1970-01-01: texts are compared for equality only.
pub(crate) fn day(day: Date) -> i64 {
    // Both are civil dates: the span is of whole days.
    FIRST_DAY.until(day).map_or(0, |span| i64::from(span.get_days()))
}

/// The instant that will be read back for `at`: whole microseconds.
pub(crate) fn kept(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
