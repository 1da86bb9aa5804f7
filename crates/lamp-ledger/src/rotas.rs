//! Swaps of shifts.

use jiff::Timestamp;
use lamp_core::names::RotaName;
use lamp_core::rota::Swap;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

macro_rules! columns {
    () => {
        "rota, from_at, until_at, person, why, recorded_by, recorded_auth, recorded_at"
    };
}

statements! {
    INSERT = concat!(
        "INSERT INTO rota_swaps (seq, ", columns!(), ") ",
        "VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM rota_swaps), $1, $2, $3, $4, $5, $6, $7, $8)"
    );
    AFTER = concat!("SELECT ", columns!(), " FROM rota_swaps WHERE rota = $1 AND until_at > $2 ORDER BY seq");
}

reads! {
    /// The swaps of a rota that end after an instant, in the order in which they were recorded.
    fn swaps(rota: &RotaName, end_after: Timestamp) -> Vec<Swap>;
}

writes! {
    /// Records a swap.
    fn add_swap(swap: &Swap) -> ();
}

fn swap(row: &AnyRow) -> Result<Swap> {
    let record = Record::new(row, "swap");
    Ok(Swap {
        rota: record.parse("rota", |text| RotaName::parse(text).ok())?,
        from: record.time("from_at")?,
        until: record.time("until_at")?,
        person: record.text("person")?,
        why: record.text("why")?,
        by: record.actor("recorded_by", "recorded_auth")?,
        at: record.time("recorded_at")?,
    })
}

async fn add_swap(connection: &mut AnyConnection, swap: &Swap) -> Result<()> {
    INSERT
        .query()
        .bind(swap.rota.as_str())
        .bind(row::micros(swap.from))
        .bind(row::micros(swap.until))
        .bind(row::text("a person", &swap.person)?)
        .bind(row::text("a reason", &swap.why)?)
        .bind(row::text("an actor's name", &swap.by.name)?)
        .bind(swap.by.auth.as_str())
        .bind(row::micros(swap.at))
        .execute(connection)
        .await?;
    Ok(())
}

async fn swaps(connection: &mut AnyConnection, rota: &RotaName, end_after: Timestamp) -> Result<Vec<Swap>> {
    let query = AFTER.query().bind(rota.as_str()).bind(row::micros(end_after));
    query.fetch_all(connection).await?.iter().map(swap).collect()
}
