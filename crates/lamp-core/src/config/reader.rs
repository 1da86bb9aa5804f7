//! A TOML document read key by key. Every key that is asked for becomes known; what remains is an unknown key.
//! Problems are collected, each at its place, so that one pass shows them all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Place};
use super::words;
use crate::error::Classified;
use crate::run::Params;

/// Largest file that is parsed, in bytes.
const BYTES_MAX: usize = 1024 * 1024;

/// Longest piece of a broken line that is shown, in bytes.
const FOUND_MAX: usize = 40;

/// A value and the bytes where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// The text under a document: turns byte offsets into lines and columns.
struct Source<'t> {
    text: &'t str,
    file: &'t str,
    line_starts: Vec<usize>,
}

impl<'t> Source<'t> {
    fn new(text: &'t str, file: &'t str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, file, line_starts }
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let start = span.start.min(self.text.len());
        let line = self.line_starts.partition_point(|line_start| *line_start <= start).max(1);
        let before = self.text.get(self.line_starts[line - 1]..start).unwrap_or_default();
        Place { line, column: before.chars().count() + 1, span: (span.start, span.end) }
    }
}

/// A parsed file after its text is gone: where each key stood, for problems that show only later.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    file: String,
    places: BTreeMap<String, Place>,
}

impl Document {
    /// A problem at the value of `path` (`datasets.trips.inputs.0`); if it has no place of its own, at the nearest
    /// table around it.
    pub(crate) fn problem(&self, path: &str, message: impl Into<String>, hint: Option<String>) -> ConfigError {
        let mut at = path;
        let place = loop {
            if let Some(place) = self.places.get(at) {
                break *place;
            }
            match at.rsplit_once('.') {
                Some((outer, _)) => at = outer,
                None => break Place { line: 1, column: 1, span: (0, 0) },
            }
        };
        ConfigError::at(&self.file, place, message, hint)
    }

    /// `file:line` of the value of `path`, to name another place in a message.
    pub(crate) fn place_text(&self, path: &str) -> String {
        let problem = self.problem(path, "", None);
        format!("{}:{}", problem.file, problem.line)
    }

    fn of(source: &Source<'_>, root: &DeTable<'_>) -> Self {
        let mut places = BTreeMap::new();
        note_places(source, "", root, &mut places);
        Self { file: source.file.to_owned(), places }
    }
}

fn note_places(source: &Source<'_>, path: &str, table: &DeTable<'_>, places: &mut BTreeMap<String, Place>) {
    for (key, value) in table {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => {
                places.insert(path.clone(), source.place(&key.span()));
                note_places(source, &path, inner, places);
            }
            DeValue::Array(items) => {
                places.insert(path.clone(), source.place(&value.span()));
                for (index, item) in items.iter().enumerate() {
                    places.insert(format!("{path}.{index}"), source.place(&item.span()));
                }
            }
            _ => {
                places.insert(path, source.place(&value.span()));
            }
        }
    }
}

/// Reads a whole file with `build`, which reports problems on the tables that it is given and returns nothing when
/// a needed value is missing or bad.
pub(crate) fn read<T>(
    text: &str,
    file: &str,
    build: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Result<(T, Document), ConfigError> {
    let source = Source::new(text, file);
    let whole = |message: String| ConfigError::at(file, source.place(&(0..0)), message, None);
    if text.len() > BYTES_MAX {
        return Err(whole(format!("the file has {} bytes, more than the {BYTES_MAX} that are read", text.len())));
    }
    let parsed = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let found = text.get(span.clone()).filter(|found| !found.is_empty() && found.len() <= FOUND_MAX);
        let near = found.map(|found| format!(" at `{}`", found.escape_debug())).unwrap_or_default();
        ConfigError::at(file, source.place(&span), format!("not valid TOML{near}: {}", error.message()), None)
    })?;
    let problems = RefCell::default();
    let entries = parsed.get_ref();
    let table = Table {
        source: &source,
        problems: &problems,
        path: String::new(),
        span: 0..0,
        entries,
        known: RefCell::default(),
    };
    let result = build(&table);
    table.report_unknown_keys();
    ConfigError::from_problems(problems.take())?;
    let result = result.ok_or_else(|| whole("something that is needed is missing".to_owned()))?;
    Ok((result, Document::of(&source, entries)))
}

/// One table of a document.
pub(crate) struct Table<'d> {
    source: &'d Source<'d>,
    problems: &'d RefCell<Vec<ConfigError>>,
    path: String,
    span: Range<usize>,
    entries: &'d DeTable<'d>,
    known: RefCell<Vec<String>>,
}

impl<'d> Table<'d> {
    /// Reports a problem at `span`.
    pub(crate) fn problem(&self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        let place = self.source.place(span);
        self.problems.borrow_mut().push(ConfigError::at(self.source.file, place, message, hint));
    }

    /// Reports a problem at this table's header.
    pub(crate) fn problem_here(&self, message: impl Into<String>, hint: Option<String>) {
        self.problem(&self.span, message, hint);
    }

    /// `[datasets.trips]`, or `the file` for the outermost table.
    pub(crate) fn title(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("[{}]", self.path) }
    }

    /// Whether the key is there, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Reports that a needed key is missing; `example` is what to add.
    pub(crate) fn missing(&self, key: &str, example: &str) {
        self.problem_here(format!("{} has no `{key}`", self.title()), Some(format!("add `{example}`")));
    }

    fn entry(&self, key: &str) -> Option<&'d Spanned<DeValue<'d>>> {
        let mut known = self.known.borrow_mut();
        if !known.iter().any(|k| k == key) {
            known.push(key.to_owned());
        }
        self.entries.iter().find(|(k, _)| k.get_ref() == key).map(|(_, value)| value)
    }

    /// The value as `convert` makes it; a value of another type is reported.
    fn typed<T>(
        &self,
        key: &str,
        wanted: &str,
        convert: impl FnOnce(&'d DeValue<'d>) -> Option<T>,
    ) -> Option<Located<T>> {
        let entry = self.entry(key)?;
        let converted = convert(entry.get_ref());
        if converted.is_none() {
            let found = kind_of(entry.get_ref());
            self.problem(&entry.span(), format!("`{key}` must be {wanted}, not {found}"), None);
        }
        converted.map(|value| Located { value, span: entry.span() })
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Option<Located<&'d str>> {
        self.typed(key, "a text in quotes", DeValue::as_str)
    }

    /// A text that must be there; `example` is what to add.
    pub(crate) fn required_text(&self, key: &str, example: &str) -> Option<Located<&'d str>> {
        if !self.has(key) {
            self.missing(key, example);
        }
        self.text(key)
    }

    /// A text that `parse` takes; its refusal is reported with its hint.
    pub(crate) fn parsed<T, E: Classified>(&self, key: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(key)?;
        self.accept(&text.span, parse(text.value))
    }

    /// What was accepted; a refusal is reported at `span` with its hint.
    pub(crate) fn accept<T, E: Classified>(&self, span: &Range<usize>, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(span, error.to_string(), error.hint());
                None
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.typed(key, "`true` or `false`", DeValue::as_bool).map(|flag| flag.value)
    }

    /// A finite number, with or without a fraction.
    pub(crate) fn number(&self, key: &str) -> Option<Located<f64>> {
        self.typed(key, "a finite number", |value| {
            let text = match value {
                DeValue::Float(float) => float.as_str(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
                _ => return None,
            };
            text.parse().ok().filter(|number: &f64| number.is_finite())
        })
    }

    /// A whole number between two bounds, both included.
    pub(crate) fn whole(&self, key: &str, allowed: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (*allowed.start(), *allowed.end());
        let wanted = format!("a whole number from {least} to {most}");
        let found = self.typed(key, &wanted, |value| integer(value).map(|number| u64::try_from(number).ok()))?;
        let fits = found.value.filter(|number| allowed.contains(number));
        if fits.is_none() {
            self.problem(&found.span, format!("`{key}` must be {wanted}"), None);
        }
        fits
    }

    /// A list of texts; empty when the key is absent.
    pub(crate) fn texts(&self, key: &str) -> Vec<Located<&'d str>> {
        let wanted = format!("a list of texts (`{key} = [\"…\"]`)");
        let Some(items) = self.typed(key, &wanted, DeValue::as_array) else { return Vec::new() };
        let text_of = |item: &'d Spanned<DeValue<'d>>| {
            let text = item.get_ref().as_str();
            if text.is_none() {
                let found = kind_of(item.get_ref());
                self.problem(&item.span(), format!("`{key}` must be a list of texts; this is {found}"), None);
            }
            text.map(|value| Located { value, span: item.span() })
        };
        items.value.iter().filter_map(text_of).collect()
    }

    /// A table.
    pub(crate) fn table(&self, key: &str) -> Option<Table<'d>> {
        let found = self.typed(key, "a table", DeValue::as_table)?;
        let header = self.key_span(key).unwrap_or(found.span);
        Some(self.inner(key, header, found.value))
    }

    /// The tables below a table: `[datasets.flights]`, `[datasets.trips]` for `datasets`.
    pub(crate) fn tables(&self, key: &str) -> Vec<(Located<&'d str>, Table<'d>)> {
        let Some(outer) = self.table(key) else { return Vec::new() };
        let table_of = |(name, value): (&'d Spanned<_>, &'d Spanned<DeValue<'d>>)| {
            let name: Located<&'d str> = Located { value: std::borrow::Cow::as_ref(name.get_ref()), span: name.span() };
            let Some(entries) = value.get_ref().as_table() else {
                let message = format!("`{key}.{}` must be a table, not {}", name.value, kind_of(value.get_ref()));
                self.problem(&name.span, message, Some(format!("write `[{key}.NAME]` above its keys")));
                return None;
            };
            let inner = outer.inner(name.value, name.span.clone(), entries);
            Some((name, inner))
        };
        outer.entries.iter().filter_map(table_of).collect()
    }

    /// The keys of a table that takes any key, with their texts.
    pub(crate) fn all_texts(&self) -> Vec<(Located<&'d str>, Located<&'d str>)> {
        let text_of = |(name, _): (&'d Spanned<std::borrow::Cow<'d, str>>, _)| {
            let key: &'d str = name.get_ref().as_ref();
            Some((Located { value: key, span: name.span() }, self.text(key)?))
        };
        self.entries.iter().filter_map(text_of).collect()
    }

    /// A table of JSON scalars; empty when the key is absent.
    pub(crate) fn params(&self, key: &str) -> Params {
        let Some(table) = self.table(key) else { return Params::new() };
        let mut params = Params::new();
        for (name, value) in table.entries {
            if let Some(scalar) = scalar(value.get_ref()) {
                params.insert(name.get_ref().to_string(), scalar);
            } else {
                let message = format!("parameter `{}` must not be {}", name.get_ref(), kind_of(value.get_ref()));
                let hint = "a parameter is a text, a finite number, `true` or `false`".to_owned();
                table.problem(&value.span(), message, Some(hint));
            }
        }
        params
    }

    /// Reports every key that was never asked for.
    pub(crate) fn report_unknown_keys(&self) {
        let known = self.known.borrow();
        for (key, _) in self.entries {
            let name: &str = key.get_ref();
            if !known.iter().any(|k| k == name) {
                let hint = words::suggest("keys", name, known.iter().map(String::as_str));
                self.problem(&key.span(), format!("unknown key `{name}` in {}", self.title()), Some(hint));
            }
        }
    }

    /// Refuses a key that belongs elsewhere, with the place where it does. Hints on other keys never suggest it.
    pub(crate) fn refuse(&self, key: &str, message: &str, hint: &str) {
        if let Some(span) = self.key_span(key) {
            self.problem(&span, message, Some(hint.to_owned()));
            self.known.borrow_mut().push(key.to_owned());
        }
    }

    fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.entries.iter().find(|(k, _)| k.get_ref() == key).map(|(k, _)| k.span())
    }

    fn inner(&self, key: &str, span: Range<usize>, entries: &'d DeTable<'d>) -> Table<'d> {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{key}", self.path);
        Table { source: self.source, problems: self.problems, path, span, entries, known: RefCell::default() }
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    value.as_integer().and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok())
}

fn scalar(value: &DeValue<'_>) -> Option<serde_json::Value> {
    match value {
        DeValue::String(text) => Some(text.to_string().into()),
        DeValue::Boolean(flag) => Some((*flag).into()),
        DeValue::Integer(_) => integer(value).map(Into::into),
        DeValue::Float(float) => {
            let number = float.as_str().parse::<f64>().ok()?;
            serde_json::Number::from_f64(number).map(Into::into)
        }
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(float) => match float.as_str().trim_start_matches(['+', '-']) {
            "inf" | "nan" => "an infinite or undefined number",
            _ => "a number",
        },
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
