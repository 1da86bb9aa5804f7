//! What the processes that serve predictions have seen.

use jiff::Timestamp;
use lamp_core::ids::ReplicaId;
use lamp_core::names::ServiceName;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::Result;
use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};

/// What one replica last said of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaAck {
    /// The process.
    pub replica: ReplicaId,
    /// The service.
    pub service: ServiceName,
    /// The epoch of the route that it follows.
    pub epoch: u64,
    /// When it said so.
    pub seen_at: Timestamp,
    /// How it is doing, as JSON.
    pub state: String,
}

statements! {
    ACK = "INSERT INTO replica_acks (replica, service, epoch, seen_at, state) VALUES ($1, $2, $3, $4, $5) \
           ON CONFLICT (replica, service) DO UPDATE SET epoch = excluded.epoch, seen_at = excluded.seen_at, \
           state = excluded.state";
    OF_SERVICE = "SELECT replica, service, epoch, seen_at, state FROM replica_acks WHERE service = $1";
    FORGET = "DELETE FROM replica_acks WHERE replica = $1";
}

reads! {
    /// What each replica last said of a service, by replica.
    fn replica_acks(service: &ServiceName) -> Vec<ReplicaAck>;
}

writes! {
    /// Notes that a replica follows the route of `epoch`, and how it is doing.
    fn ack_route(replica: ReplicaId, service: &ServiceName, epoch: u64, at: Timestamp, state_json: &str) -> ();
    /// Forgets a replica that has gone. One that nobody knows is no error.
    fn forget_replica(replica: ReplicaId) -> ();
}

fn ack(row: &AnyRow) -> Result<ReplicaAck> {
    let record = Record::new(row, "replica");
    Ok(ReplicaAck {
        replica: record.parse("replica", ReplicaId::parse)?,
        service: record.parse("service", |text| ServiceName::parse(text).ok())?,
        epoch: record.number("epoch")?,
        seen_at: record.time("seen_at")?,
        state: record.text("state")?,
    })
}

async fn ack_route(
    connection: &mut AnyConnection,
    replica: ReplicaId,
    service: &ServiceName,
    epoch: u64,
    at: Timestamp,
    state_json: &str,
) -> Result<()> {
    ACK.query()
        .bind(replica.to_string())
        .bind(service.as_str())
        .bind(row::number("a route's epoch", epoch)?)
        .bind(row::micros(at))
        .bind(row::text("a replica's state", state_json)?)
        .execute(connection)
        .await?;
    Ok(())
}

async fn forget_replica(connection: &mut AnyConnection, replica: ReplicaId) -> Result<()> {
    FORGET.query().bind(replica.to_string()).execute(connection).await?;
    Ok(())
}

async fn replica_acks(connection: &mut AnyConnection, service: &ServiceName) -> Result<Vec<ReplicaAck>> {
    let rows = OF_SERVICE.query().bind(service.as_str()).fetch_all(connection).await?;
    let mut acks = rows.iter().map(ack).collect::<Result<Vec<_>>>()?;
    acks.sort_by_key(|ack| ack.replica);
    Ok(acks)
}
