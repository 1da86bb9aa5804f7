//! Partitions beside their history, as `lamp check` prints them.

use console::style;
use lamp_app::surprise::PieceJudgement;
use lamp_core::surprise::{FeatureJudgement, HISTORY_MIN, Judgement, Outcome};

use crate::ui::{Listing, out};

/// Columns of a partition that `--explain` shows.
const COLUMNS_SHOWN: usize = 8;

pub(super) fn print(judged: &[PieceJudgement], explain: bool) {
    let Some(newest) = judged.last() else { return };
    let count = |outcome: Outcome| judged.iter().filter(|piece| piece.judgement.outcome == outcome).count();
    let [usual, surprising, none] = [Outcome::Usual, Outcome::Surprising, Outcome::NoVerdict].map(count);
    if usual + surprising == 0 {
        let history = newest.judgement.history;
        out!("  beside its history: no verdict yet, {history} partitions before it, and {HISTORY_MIN} are needed");
    } else {
        let unknown = if none > 0 { format!(", {none} without enough history") } else { String::new() };
        out!("  beside their history: {usual} as usual, {surprising} surprising{unknown}");
    }
    for piece in judged {
        let is_surprising = piece.judgement.outcome == Outcome::Surprising;
        if is_surprising {
            print_surprise(piece);
        }
        if explain && (is_surprising || piece.partition == newest.partition) {
            print_why(piece);
        }
    }
}

fn print_surprise(piece: &PieceJudgement) {
    let said = piece.decision.map(|decision| format!(" ({decision})")).unwrap_or_default();
    for reason in piece.judgement.reasons() {
        out!("  {}{said} [{}] {reason}", style("surprising").yellow(), piece.partition);
    }
}

fn print_why(piece: &PieceJudgement) {
    let Judgement { outcome, history, p, alpha, columns, changes, .. } = &piece.judgement;
    if *outcome == Outcome::NoVerdict {
        return;
    }
    out!(
        "\n  [{}] {history} partitions before it. {} of usual ones are as unlike their history; the budget is {}",
        piece.partition,
        share(*p),
        share(*alpha),
    );
    for change in changes {
        out!("    {change}");
    }
    let mut listing = Listing::new(&["COLUMN", "FEATURE", "VALUE", "EXPECTED", "USUALLY", "BY", "SIGMAS", "P", "Q"]);
    for column in columns.iter().take(COLUMNS_SHOWN) {
        let Some(feature) = column.features.first() else { continue };
        let FeatureJudgement { feature: kind, value, expected, low, high, by, score, .. } = feature;
        listing.row([
            column.column.clone(),
            kind.as_str().to_owned(),
            kind.shown(*value),
            kind.shown(*expected),
            format!("{} to {}", kind.shown(*low), kind.shown(*high)),
            by.as_str().to_owned(),
            format!("{score:.1}"),
            probability(column.p),
            probability(column.q),
        ]);
    }
    listing.print("No column could be compared.");
}

fn share(p: f64) -> String {
    format!("{:.1} %", p * 100.0)
}

fn probability(p: f64) -> String {
    if p < 1e-3 { format!("{p:.0e}") } else { format!("{p:.3}") }
}
