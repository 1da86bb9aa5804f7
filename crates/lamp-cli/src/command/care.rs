//! `lamp data gc|repack|push|pull`: the care for the store.

use std::process::ExitCode;

use console::style;
use jiff::Timestamp;
use lamp_app::call::{CollectGarbage, RepackStore};
use lamp_app::data::gc::Collection;
use lamp_app::data::remotes::{Between, Moved, MovedDataset};
use lamp_core::human::counted;
use lamp_store::{Stats, Trashed};

use crate::args::{DataGc, DataPull, DataPush, DataRepack};
use crate::desk::Desk;
use crate::failure::Failure;
use crate::ui::{self, Lines, Spinner, out};

pub async fn gc(desk: &Desk, args: &DataGc) -> Result<ExitCode, Failure> {
    let found = {
        let _spinner = Spinner::start_with("looking for what nothing refers to", Lines::beside(args.json));
        desk.ask(CollectGarbage { dry_run: args.dry_run }).await?
    };
    if args.json {
        ui::print_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    print_collected(&found);
    let kept = &found.kept;
    let (versions, packages) = (counted(kept.versions, "version"), counted(kept.packages, "model package"));
    let pins = format!("{} of lamp.lock on {}", counted(kept.pins, "pin"), counted(kept.refs, "ref"));
    out!("kept: {versions}, {packages}, {pins}");
    if !kept.foreign.is_empty() {
        out!("note: pinned, but of another ledger and store: {}", kept.foreign.join(", "));
    }
    print_store(&found.store);
    for Trashed { until, count, bytes } in &found.trash {
        let until = i64::try_from(*until).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let until = until.map_or_else(|| "for ever".to_owned(), |at| format!("until {}", ui::instant(at, desk.zone())));
        out!("trash: {}, {} {until}", counted(*count, "thing"), ui::bytes(*bytes));
    }
    Ok(ExitCode::SUCCESS)
}

fn print_collected(found: &Collection) {
    let done = &found.collected;
    let (moved, removed) = if found.dry_run { ("would go", "would be removed") } else { ("went", "removed") };
    let mut parts = Vec::new();
    if done.packs > 0 {
        parts.push(format!("{} of {}", counted(done.packs, "pack"), ui::bytes(done.bytes)));
    }
    if done.bytes_rewritten > 0 {
        parts.push(format!("of which {} are written anew", ui::bytes(done.bytes_rewritten)));
    }
    if done.manifests > 0 {
        parts.push(counted(done.manifests, "manifest"));
    }
    match parts.as_slice() {
        [] => out!("nothing {moved} to the trash"),
        parts => out!("{moved} to the trash: {}", parts.join(", ")),
    }
    if done.bytes_removed > 0 {
        out!("{removed} from the trash for good: {}", ui::bytes(done.bytes_removed));
    }
}

pub async fn repack(desk: &Desk, args: &DataRepack) -> Result<ExitCode, Failure> {
    let report = {
        let spinner = Spinner::start_with("repacking", Lines::beside(args.json));
        desk.ask_saying(RepackStore {}, &|line| spinner.say(line)).await?
    };
    if args.json {
        ui::print_json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let done = &report.repacked;
    if done.packs == 0 {
        out!("nothing came in since the last repack");
    } else {
        let (before, after) = (ui::bytes(done.bytes_before), ui::bytes(done.bytes_after));
        out!(
            "{} of {before} written anew in {after}; the old ones stay in the trash for a day",
            counted(done.packs, "pack")
        );
    }
    print_store(&report.store);
    Ok(ExitCode::SUCCESS)
}

pub async fn push(desk: &Desk, args: DataPush) -> Result<ExitCode, Failure> {
    let moved = desk.push_data(Between { remote: args.remote, references: args.references }).await?;
    print_moved(&moved, args.json, "sent")
}

pub async fn pull(desk: &Desk, args: DataPull) -> Result<ExitCode, Failure> {
    let moved = desk.pull_data(Between { remote: args.remote, references: args.references }).await?;
    print_moved(&moved, args.json, "fetched")
}

fn print_moved(moved: &Moved, json: bool, done: &str) -> Result<ExitCode, Failure> {
    if json {
        ui::print_json(moved)?;
        return Ok(ExitCode::SUCCESS);
    }
    for MovedDataset { dataset, version, sent } in &moved.datasets {
        let name = style(format!("{dataset}@{version}")).bold();
        if sent.versions == 0 {
            out!("{name}  the same at both ends");
            continue;
        }
        let files = format!("{} of {}", counted(sent.files, "file"), ui::bytes(sent.bytes));
        let versions = counted(sent.versions, "version");
        out!("{name}  {versions} {done}: {files} that were lacking, in packs of {}", ui::bytes(sent.packed));
    }
    if moved.datasets.is_empty() {
        out!("no dataset has a version");
    }
    Ok(ExitCode::SUCCESS)
}

/// The bytes of packs and of the cache, apart.
fn print_store(store: &Stats) {
    let line = |what: &str, bytes: u64| format!("{what} {}", ui::bytes(bytes));
    let mut parts = vec![format!("{} of {}", counted(store.packs, "pack"), ui::bytes(store.pack_bytes))];
    parts.push(line("cache", store.cache_bytes));
    parts.push(line("trash", store.trash_bytes));
    if store.quarantine_bytes > 0 {
        parts.push(line("quarantine", store.quarantine_bytes));
    }
    out!("store: {}", parts.join(", "));
}
