//! The end of the tour: the log compacted, a summary, and the answer to *why*.

use console::style;
use lamp_app::App;
use lamp_core::names::ServiceName;

use super::replay::{Departures, Replayed};
use super::stage::Stage;
use crate::args::Demo;
use crate::command::why_print;
use crate::failure::Failure;
use crate::gateway_process;
use crate::ui::{Listing, count, out};

/// Closes the log, compacts it and prints what happened.
pub async fn finish(stage: &mut Stage, app: &App, args: &Demo, departures: &Departures) -> Result<(), Failure> {
    let Departures { service, replayed, .. } = departures;
    stage.begin("The prediction log becomes a dataset like any other");
    gateway_process::rotate(&app.layout().admin_socket()).await.map_err(Failure::operation)?;
    // `lamp up` compacts too; whoever comes first takes the segments.
    app.compact(service).await?;
    let name = format!("predictions/{service}");
    let version = app.dataset_version(&name).await?;
    stage.done(&format!(
        "{name}@{}: {} rows, with what both models said",
        version.version,
        count(version.rows.unwrap_or_default())
    ));
    out!("");
    summary(app, service, replayed).await?;
    if let Some(id) = replayed.rescued.as_ref().or(replayed.ordinary.as_ref()) {
        out!("\n{}", style(format!("lamp why {id}")).bold());
        why_print(&app.why(id).await?);
    }
    out!("\nTry it yourself:\n  cd {}", stage.root.display());
    out!("  lamp models ls      lamp runs ls      lamp data log trips      lamp check trips      lamp audit verify");
    if args.no_serve {
        out!("  lamp up");
    } else {
        out!(
            "\nStill serving: pages on http://{}, predictions on http://{}. Ctrl-C ends it.",
            args.listen,
            args.predictions
        );
    }
    Ok(())
}

async fn summary(app: &App, service: &ServiceName, replayed: &Replayed) -> Result<(), Failure> {
    let mut listing = Listing::new(&["WHAT", "RESULT"]);
    let mut row = |what: &str, result: String| listing.row([what.to_owned(), result]);
    if let (Some(first), Some(last)) = (replayed.days.iter().min(), replayed.days.iter().max()) {
        row("days replayed", format!("{} from {first} to {last}", replayed.days.len()));
    }
    let statuses: Vec<_> =
        replayed.statuses.iter().map(|(status, times)| format!(" ({times} with {status})")).collect();
    row("requests", format!("{}, {} failed{}", count(replayed.requests), replayed.failed, statuses.concat()));
    row("answered by the primary", format!("{} rows", count(replayed.rows_by("primary"))));
    for ((who, reason), rows) in &replayed.rows {
        if who == "shadow" {
            row("answered by the shadow", format!("{} rows ({reason})", count(*rows)));
        }
    }
    let (p50, p99) = (quantile(&replayed.latencies, 50), quantile(&replayed.latencies, 99));
    row("time to answer an hour", format!("{p50:.1} ms median, {p99:.1} ms at the 99th percentile"));
    let view = app.show_service(service, 100).await?;
    if let Some(route) = &view.route {
        let name = |model: &Option<lamp_core::route::ModelRef>| {
            model.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string)
        };
        row(
            "route",
            format!("epoch {}: primary {}, shadow {}", route.epoch, name(&route.primary), name(&route.shadow)),
        );
    }
    for model in app.list_models(None).await? {
        let metrics = &model.model.evidence.metrics;
        let metric = |name: &str| metrics.get(name).map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"));
        let result = format!("roc_auc {}, log_loss {} on its held-out month", metric("roc_auc"), metric("log_loss"));
        row(&format!("{} ({})", model.model.id, model.model.state), result);
    }
    let audit = app.verify_audit().await?;
    let chain = if audit.broken.is_none() { "whole" } else { "BROKEN" };
    row("audit log", format!("{} events, chain {chain}", count(audit.events)));
    listing.print("");
    Ok(())
}

/// The `percent` quantile by the nearest-rank method.
fn quantile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_nearest_rank() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!((quantile(&values, 50) - 50.0).abs() < f64::EPSILON);
        assert!((quantile(&values, 99) - 99.0).abs() < f64::EPSILON);
        assert!((quantile(&[7.0], 99) - 7.0).abs() < f64::EPSILON);
    }
}
