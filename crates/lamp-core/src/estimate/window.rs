//! Which predictions an estimate looks back on.

use std::fmt;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::{Classified, Kind};

/// The predictions of some civil days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Window {
    /// The last so many days, the present one among them; from 1.
    Days(u16),
    /// All of them.
    All,
}

/// A text that is not a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a window")]
pub struct WindowError {
    text: String,
}

impl Classified for WindowError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("write 7d, 28d or all".to_owned())
    }
}

impl Window {
    /// The windows that are kept over time.
    pub const KEPT: [Self; 3] = [Self::Days(7), Self::Days(28), Self::All];

    /// Parses `28d` or `all`.
    pub fn parse(text: &str) -> Result<Self, WindowError> {
        if text == "all" {
            return Ok(Self::All);
        }
        let days = text.strip_suffix('d').filter(|days| days.bytes().all(|byte| byte.is_ascii_digit()));
        let days = days.and_then(|days| days.parse().ok()).filter(|days| *days > 0);
        days.map(Self::Days).ok_or_else(|| WindowError { text: text.to_owned() })
    }

    /// The first day of the window that ends with `day`; none when there is no first.
    pub fn since(self, day: Date) -> Option<Date> {
        match self {
            Self::Days(days) => day.checked_sub(i64::from(days).saturating_sub(1).days()).ok(),
            Self::All => None,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(days) => f.pad(&format!("{days}d")),
            Self::All => f.pad("all"),
        }
    }
}

impl TryFrom<String> for Window {
    type Error = WindowError;
    fn try_from(text: String) -> Result<Self, WindowError> {
        Self::parse(&text)
    }
}

impl std::str::FromStr for Window {
    type Err = WindowError;
    fn from_str(text: &str) -> Result<Self, WindowError> {
        Self::parse(text)
    }
}

impl From<Window> for String {
    fn from(window: Window) -> String {
        window.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn windows_are_written_as_days() {
        for text in ["7d", "28d", "all", "1d"] {
            assert_eq!(Window::parse(text).map(|window| window.to_string()).as_deref(), Ok(text));
        }
        for bad in ["", "d", "0d", "-7d", "+7d", "7", "7 d", "99999d", "month"] {
            assert!(Window::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_window_of_seven_days_takes_in_the_present_one() {
        assert_eq!(Window::Days(7).since(date(2013, 3, 7)), Some(date(2013, 3, 1)));
        assert_eq!(Window::Days(1).since(date(2013, 3, 1)), Some(date(2013, 3, 1)));
        assert_eq!(Window::All.since(date(2013, 3, 1)), None);
    }
}
