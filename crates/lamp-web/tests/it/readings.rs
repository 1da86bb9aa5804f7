//! A dataset of real files: what the street's lamps read, three days of it.

use std::fmt::Write as _;
use std::sync::Arc;

use lamp_app::data::add::AddData;
use lamp_core::names::DatasetName;
use lamp_store::NoProgress;

use crate::kit::TestSite;

const CONTRACT: &str = "apiVersion: v3.1.0
kind: DataContract
id: readings
version: 1.0.0
status: active
schema:
  - name: readings
    properties:
      - name: lamp
        logicalType: string
        required: true
      - name: lux
        logicalType: number
        quality:
          - metric: nullValues
            mustBeLessThan: 5
            unit: percent
";

/// Readings of one day: a row each half hour.
fn day(day: u32, lamps: &[&str], lux: impl Fn(u32) -> Option<u32>) -> String {
    let mut text = "at,lamp,lux\n".to_owned();
    for row in 0..48 {
        let lamp = lamps[row as usize % lamps.len()];
        let lux = lux(row).map(|lux| lux.to_string()).unwrap_or_default();
        let (hour, minute) = (row / 2, row % 2 * 30);
        writeln!(text, "2013-04-0{day}T{hour:02}:{minute:02}:00-04:00,{lamp},{lux}").expect("text");
    }
    text
}

async fn add(site: &TestSite) {
    let request = AddData {
        dataset: DatasetName::parse("readings").expect("a name"),
        paths: Vec::new(),
        replace: false,
        commit: false,
        note: Some("read off by hand".to_owned()),
    };
    site.app.add_data(request, Arc::new(NoProgress)).await.expect("added");
}

/// `readings@1` has two usual days; `readings@2` a third one with a new lamp, brighter, and many nulls.
pub async fn all(site: &TestSite) {
    site.repo.write("projects/delay/contracts/readings.odcs.yaml", CONTRACT);
    let usual = |row: u32| Some(100 + row % 10);
    for number in [1, 2] {
        let name = format!("projects/delay/data/readings/2013-04-0{number}.csv");
        site.repo.write(&name, day(number, &["arch", "bridge"], usual));
    }
    add(site).await;
    let odd = |row: u32| (!row.is_multiple_of(4)).then_some(105 + row % 10);
    site.repo.write("projects/delay/data/readings/2013-04-03.csv", day(3, &["arch", "bridge", "canal"], odd));
    add(site).await;
    site.app.check("readings", &|_, _| ()).await.expect("checked");
}
