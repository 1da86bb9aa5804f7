//! A model version as the list and the report show it.

use jiff::tz::TimeZone;
use lamp_app::registry::list::ModelLine;
use lamp_app::registry::report::{EvidenceView, MetricView};
use lamp_app::registry::signing::ModelReport;
use lamp_core::human::{bytes, duration};
use lamp_core::metric::{Goal, natural_goal};
use lamp_core::registry::beside::{Difference, Standing};
use lamp_core::registry::slices::SliceDifference;
use lamp_core::registry::{Approval, Decision, Evidence};
use lamp_core::run::{CodeOrigin, Run, RunManifest};

use super::text::{Instant, count, counted};
use super::value::{difference, metric, percent};

/// Parts of the rows that are shown at once.
const SLICES_FIRST: usize = 6;

/// One line of the list of models.
#[derive(Debug, Clone)]
pub(crate) struct ModelLineShown {
    pub(crate) id: String,
    pub(crate) series: String,
    pub(crate) state: &'static str,
    pub(crate) flavour: String,
    pub(crate) at: Instant,
    /// `roc_auc 0.7123`: of the gate, or the first there is.
    pub(crate) metric: String,
    /// `passed`, `failed` or nothing.
    pub(crate) gate: Option<&'static str>,
    /// `delay as primary`
    pub(crate) serving: Vec<String>,
    pub(crate) decided: Option<DecisionShown>,
}

/// A person's decision.
#[derive(Debug, Clone)]
pub(crate) struct DecisionShown {
    pub(crate) word: &'static str,
    pub(crate) by: String,
    pub(crate) at: Instant,
    pub(crate) note: String,
    pub(crate) report: String,
}

/// One metric beside the serving model's.
#[derive(Debug, Clone)]
pub(crate) struct MetricRow {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) serving: String,
    pub(crate) difference: String,
    /// `+0.0040 to +0.0210`: its 95 % interval, for the metrics that the verdict looks at.
    pub(crate) interval: Option<String>,
    /// What the interval says, else what the bare numbers say, or nothing.
    pub(crate) standing: &'static str,
    pub(crate) is_gate: bool,
}

/// A part of the rows.
#[derive(Debug, Clone)]
pub(crate) struct SliceRow {
    pub(crate) name: String,
    pub(crate) rows: String,
    pub(crate) value: String,
    pub(crate) serving: String,
    pub(crate) difference: String,
}

/// How the candidate stands to the serving model.
#[derive(Debug, Clone)]
pub(crate) struct StandingShown {
    /// `better`, `worse` or `unclear`.
    pub(crate) word: &'static str,
    pub(crate) text: String,
}

/// The gate in words.
#[derive(Debug, Clone)]
pub(crate) struct GateShown {
    pub(crate) passed: bool,
    pub(crate) text: String,
}

/// One input of the training.
#[derive(Debug, Clone)]
pub(crate) struct InputRow {
    pub(crate) role: String,
    pub(crate) dataset: String,
    pub(crate) version: u32,
    pub(crate) slice: String,
    pub(crate) files: String,
}

/// The report.
#[derive(Debug, Clone)]
pub(crate) struct ReportShown {
    pub(crate) id: String,
    pub(crate) series: String,
    pub(crate) state: &'static str,
    pub(crate) flavour: String,
    pub(crate) task: String,
    pub(crate) at: Instant,
    pub(crate) serving: Vec<String>,
    pub(crate) serving_model: Option<String>,
    pub(crate) standing: Option<StandingShown>,
    pub(crate) cautions: Vec<String>,
    pub(crate) metrics: Vec<MetricRow>,
    pub(crate) method: Option<String>,
    pub(crate) decided_differently: Option<String>,
    /// The first few parts, then the others.
    pub(crate) slices: Vec<SliceRow>,
    pub(crate) more_slices: Vec<SliceRow>,
    pub(crate) slice_metric: String,
    pub(crate) slices_seen: String,
    pub(crate) checks: Vec<String>,
    pub(crate) gate: Option<GateShown>,
    pub(crate) held_out: String,
    pub(crate) rows: String,
    pub(crate) golden: Option<String>,
    pub(crate) decisions: Vec<DecisionShown>,
    pub(crate) digest: String,
    pub(crate) package: String,
    pub(crate) commit: String,
    pub(crate) subject: Option<String>,
    pub(crate) is_wip: bool,
    pub(crate) run: Option<RunFacts>,
}

/// What went into the run that made the version.
#[derive(Debug, Clone)]
pub(crate) struct RunFacts {
    pub(crate) id: String,
    pub(crate) by: String,
    pub(crate) inputs: Vec<InputRow>,
    /// Command, parameters, seed, environment, time, memory.
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl ModelLineShown {
    pub(crate) fn new(line: &ModelLine, zone: &TimeZone) -> Self {
        let (model, evidence) = (&line.model, &line.model.evidence);
        let leading = match &evidence.gate {
            Some(gate) => Some((gate.metric.clone(), gate.value)),
            None => evidence.metrics.first_key_value().map(|(name, value)| (name.clone(), *value)),
        };
        Self {
            id: model.id.to_string(),
            series: model.id.model.to_string(),
            state: model.state.as_str(),
            flavour: model.flavour.clone(),
            at: Instant::new(model.created_at, zone),
            metric: leading.map_or_else(|| "–".to_owned(), |(name, value)| format!("{name} {}", metric(Some(value)))),
            gate: evidence.gate.as_ref().map(|gate| if gate.passed { "passed" } else { "failed" }),
            serving: line.serving.iter().map(|(service, role)| format!("{service} as {role}")).collect(),
            decided: line.decided.as_ref().map(|approval| DecisionShown::new(approval, zone)),
        }
    }
}

impl DecisionShown {
    pub(crate) fn new(approval: &Approval, zone: &TimeZone) -> Self {
        let word = match approval.decision {
            Decision::Approved => "approved",
            Decision::Rejected => "rejected",
        };
        Self {
            word,
            by: approval.by.name.clone(),
            at: Instant::new(approval.at, zone),
            note: approval.note.clone(),
            report: approval.evidence.to_hex(),
        }
    }
}

impl ReportShown {
    pub(crate) fn new(report: &ModelReport, zone: &TimeZone) -> Self {
        let (view, model) = (&report.view, &report.view.model);
        let evidence = &model.evidence;
        let EvidenceView {
            standing,
            verdict,
            metrics,
            decided_differently,
            method,
            slices,
            slices_seen,
            cautions,
            data,
            ..
        } = EvidenceView::of(evidence);
        let left_out = match evidence.null_targets {
            0 => String::new(),
            nulls => format!(", {} without a target left out", count(nulls)),
        };
        Self {
            id: model.id.to_string(),
            series: model.id.model.to_string(),
            state: model.state.as_str(),
            flavour: model.flavour.clone(),
            task: model.task.to_string(),
            at: Instant::new(model.created_at, zone),
            serving: view.serving.iter().map(|(service, role)| format!("{service} as {role}")).collect(),
            serving_model: evidence.serving.as_ref().map(|(id, _)| id.to_string()),
            standing: standing.zip(verdict).map(|(standing, text)| StandingShown::new(standing, &text)),
            cautions,
            metrics: metric_rows(&metrics, evidence),
            method,
            decided_differently: decided_differently.map(percent),
            slice_metric: slices.first().map(|slice| slice.metric.clone()).unwrap_or_default(),
            more_slices: slices.iter().skip(SLICES_FIRST).map(SliceRow::new).collect(),
            slices: slices.iter().take(SLICES_FIRST).map(SliceRow::new).collect(),
            slices_seen: counted(slices_seen.into(), "part", "parts"),
            checks: data,
            gate: evidence.gate.as_ref().map(|gate| GateShown {
                passed: gate.passed,
                text: format!("{} is {}, and {} is wanted", gate.metric, metric(Some(gate.value)), gate.bound),
            }),
            held_out: evidence.valid.clone(),
            rows: format!("{}{left_out}", counted(evidence.rows, "row", "rows")),
            golden: evidence.golden_difference.map(|largest| {
                if largest == 0.0 {
                    "served answers equal the recorded ones".to_owned()
                } else {
                    format!("served answers differ from the recorded ones by at most {largest:.1e}")
                }
            }),
            decisions: view.approvals.iter().map(|approval| DecisionShown::new(approval, zone)).collect(),
            digest: evidence.digest().to_hex(),
            package: model.package.to_hex(),
            commit: model.commit.clone(),
            subject: report.commit.as_ref().map(|commit| commit.subject.clone()),
            is_wip: view.run.as_ref().is_some_and(|run| run.origin == CodeOrigin::Wip),
            run: view.run.as_ref().map(RunFacts::new),
        }
    }
}

impl RunFacts {
    pub(crate) fn new(run: &Run) -> Self {
        let manifest = run.manifest.as_ref();
        Self {
            id: run.id.to_string(),
            by: run.created_by.name.clone(),
            inputs: manifest.map(inputs).unwrap_or_default(),
            facts: manifest.map(facts).unwrap_or_default(),
        }
    }
}

fn inputs(manifest: &RunManifest) -> Vec<InputRow> {
    let row = |(role, input): (&String, &lamp_core::run::PinnedInput)| InputRow {
        role: role.clone(),
        dataset: input.dataset.to_string(),
        version: input.version,
        slice: input.slice.clone(),
        files: counted(input.files, "file", "files"),
    };
    manifest.inputs.iter().map(row).collect()
}

fn facts(manifest: &RunManifest) -> Vec<(&'static str, String)> {
    let mut facts = vec![("command", manifest.command.clone())];
    for (key, value) in &manifest.params {
        facts.push(("parameter", format!("{key} = {value}")));
    }
    let environment = manifest.environment.map(|digest| format!(", locked as {}", digest.short()));
    let environment = environment.unwrap_or_else(|| ", not locked".to_owned());
    facts.push(("seed", manifest.seed.to_string()));
    facts.push(("environment", format!("{}{environment}", manifest.interpreter)));
    facts.push(("took", format!("{}, {} at its peak", duration(manifest.duration_ms), bytes(manifest.peak_memory))));
    facts
}

impl StandingShown {
    fn new(standing: Standing, text: &str) -> Self {
        let word = match standing {
            Standing::Better => "better",
            Standing::Worse => "worse",
            Standing::CannotTell => "unclear",
        };
        let mut letters = text.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
        Self { word, text: format!("{first}{}", letters.as_str()) }
    }
}

impl SliceRow {
    fn new(slice: &SliceDifference) -> Self {
        Self {
            name: format!("{} = {}", slice.column, slice.value.as_deref().unwrap_or("nothing")),
            rows: if slice.sufficient { count(slice.rows) } else { format!("{} (too few)", count(slice.rows)) },
            value: metric(slice.candidate),
            serving: metric(slice.serving),
            difference: difference(slice.difference()),
        }
    }
}

/// The gate's metric first, then those of the verdict, then the rest.
fn metric_rows(metrics: &[MetricView], evidence: &Evidence) -> Vec<MetricRow> {
    let gate = evidence.gate.as_ref().map(|gate| gate.metric.as_str());
    let mut sorted: Vec<&MetricView> = metrics.iter().collect();
    sorted.sort_by_key(|view| (gate != Some(view.name.as_str()), view.difference.is_none()));
    let row = |view: &MetricView| MetricRow {
        name: view.name.clone(),
        value: metric(Some(view.candidate)),
        serving: metric(view.serving),
        difference: difference(view.serving.map(|serving| view.candidate - serving)),
        interval: view.difference.as_ref().and_then(interval),
        standing: match (&view.difference, view.serving) {
            (Some(of), _) => of.standing.as_str(),
            (None, Some(serving)) => bare_standing(&view.name, view.candidate, serving),
            (None, None) => "",
        },
        is_gate: gate == Some(view.name.as_str()),
    };
    sorted.into_iter().map(row).collect()
}

fn interval(of: &Difference) -> Option<String> {
    of.interval.map(|(low, high)| format!("{} to {}", difference(Some(low)), difference(Some(high))))
}

/// What the bare numbers say, as they are shown.
fn bare_standing(name: &str, value: f64, other: f64) -> &'static str {
    if difference(Some(value - other)) == difference(Some(0.0)) {
        return "same";
    }
    match natural_goal(name) {
        Some(Goal::Max) if value > other => "higher, better",
        Some(Goal::Max) => "lower, worse",
        Some(Goal::Min) if value < other => "lower, better",
        Some(Goal::Min) => "higher, worse",
        None => "",
    }
}
