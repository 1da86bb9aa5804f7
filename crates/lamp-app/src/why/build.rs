//! Growing the tree.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use lamp_core::dataset::{DatasetVersion, FileEntry};
use lamp_core::digest::Digest;
use lamp_core::human;
use lamp_core::ids::PredictionId;
use lamp_core::names::ServiceName;
use lamp_core::prediction::Prediction;
use lamp_core::route::Role;
use lamp_core::run::{CodeOrigin, PinnedInput, Run};

use super::{Node, NodeKind, WhyError};
use crate::app::App;

/// Files named under a dataset version before the rest is counted.
const FILES_SHOWN_MAX: usize = 3;

/// Deepest chain of derived datasets that is followed.
const DEPTH_MAX: usize = 32;

impl App {
    fn shown(&self, at: Timestamp) -> String {
        human::exact_instant(at, &self.workspace().root.time_zone)
    }

    pub(super) async fn why_prediction(&self, id: PredictionId) -> Result<Node, WhyError> {
        let found = self.prediction(id).await?;
        let prediction = &found.prediction;
        let mut node = Node::new(NodeKind::Prediction, "", id);
        node.fact("service", &prediction.service);
        node.fact("answered at", self.shown(prediction.served_at));
        node.fact("answered by", prediction.served_by);
        if let Some(reason) = prediction.reason {
            node.fact("not by the primary because", reason.as_str());
        }
        for (role, answer) in [("primary", &prediction.primary), ("shadow", &prediction.shadow)] {
            if let Some(answer) = answer {
                let outputs = answer.outputs.as_ref().map(|outputs| {
                    let pairs = outputs.iter().map(|(name, value)| format!("{name} = {value}"));
                    pairs.collect::<Vec<_>>().join(", ")
                });
                let said = outputs.unwrap_or_else(|| answer.status.clone());
                node.fact(role, format!("{} said {said} after {:.1} ms", answer.model, millis(answer.latency_us)));
            }
        }
        node.fact("route epoch", prediction.epoch);
        node.fact("request", format!("{} row {}", prediction.request, prediction.row));
        let inputs = prediction.inputs.iter().map(|(name, value)| format!("{name}={value}"));
        node.fact("inputs", inputs.collect::<Vec<_>>().join(" "));
        node.fact(
            "kept in",
            found.kept_in.as_ref().map_or_else(|| "the log, not yet compacted".to_owned(), reference_of),
        );
        if let Some(model) = answering_model(prediction) {
            node.from.push(self.why_model(model, "answered by").await?);
        }
        Ok(node)
    }

    pub(super) async fn why_service(&self, service: &ServiceName) -> Result<Node, WhyError> {
        let view = self.show_service(service, 5).await?;
        let mut node = Node::new(NodeKind::Service, "", service);
        node.fact("deadline", format!("{} ms", view.deadline_ms));
        let Some(route) = view.route else {
            node.fact("route", "nothing is deployed");
            return Ok(node);
        };
        node.fact("answers now", format!("{} (epoch {})", route.active, route.epoch));
        for past in &view.history {
            let primary = past.primary.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
            let shadow = past.shadow.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
            let what = format!(
                "{} answers; primary {primary}, shadow {shadow}; by {} at {}: {}",
                past.active,
                past.changed_by,
                self.shown(past.changed_at),
                past.why
            );
            node.fact(&format!("epoch {}", past.epoch), what);
        }
        for (role, model) in [(Role::Primary, &route.primary), (Role::Shadow, &route.shadow)] {
            if let Some(model) = model {
                node.from.push(self.why_model(&model.to_string(), role.as_str()).await?);
            }
        }
        Ok(node)
    }

    pub(super) async fn why_model(&self, reference: &str, relation: &str) -> Result<Node, WhyError> {
        let view = self.show_model(reference).await?;
        let model = &view.model;
        let mut node = Node::new(NodeKind::Model, relation, &model.id);
        node.fact("state", model.state);
        let serving: Vec<_> = view.serving.iter().map(|(service, role)| format!("{service} as {role}")).collect();
        node.fact("serving", if serving.is_empty() { "nowhere".to_owned() } else { serving.join(", ") });
        node.fact("package", format!("{} ({})", model.package, model.flavour));
        let metrics = model.evidence.metrics.iter().map(|(name, value)| format!("{name} {value:.4}"));
        node.fact("measured", format!("{} on {}", metrics.collect::<Vec<_>>().join(", "), model.evidence.valid));
        if let Some(gate) = &model.evidence.gate {
            let verdict = if gate.passed { "passed" } else { "failed" };
            node.fact("gate", format!("{} {} {verdict}", gate.metric, gate.bound));
        }
        for approval in &view.approvals {
            let decision = match approval.decision {
                lamp_core::registry::Decision::Approved => "approved by",
                lamp_core::registry::Decision::Rejected => "rejected by",
            };
            let mut signed = Node::new(NodeKind::Approval, decision, &approval.by);
            signed.fact("at", self.shown(approval.at));
            signed.fact("note", &approval.note);
            signed.fact("report", approval.evidence);
            node.from.push(signed);
        }
        if let Some(run) = &view.run {
            node.from.push(self.why_run(run, "trained by").await?);
        }
        Ok(node)
    }

    pub(super) async fn why_dataset(&self, reference: &str) -> Result<Node, WhyError> {
        let version = self.dataset_version(reference).await?;
        self.dataset_node(version, "", None, DEPTH_MAX).await
    }

    pub(super) async fn why_run(&self, run: &Run, relation: &str) -> Result<Node, WhyError> {
        self.run_node(run.clone(), relation.to_owned(), DEPTH_MAX).await
    }

    fn run_node(&self, run: Run, relation: String, depth: usize) -> BoxFuture<'_, Result<Node, WhyError>> {
        async move {
            let mut node = Node::new(NodeKind::Run, &relation, run.id);
            node.fact("what", &run.purpose);
            node.fact("state", run.state.as_str());
            node.fact("asked for by", format!("{} at {}", run.created_by, self.shown(run.created_at)));
            if let Some(failure) = &run.failure {
                node.fact("failure", failure);
            }
            node.from.push(self.commit_node(&run).await);
            let Some(manifest) = &run.manifest else { return Ok(node) };
            node.fact("command", &manifest.command);
            let params = manifest.params.iter().map(|(key, value)| format!("{key}={value}"));
            let params = params.collect::<Vec<_>>().join(" ");
            node.fact("parameters", if params.is_empty() { "none".to_owned() } else { params });
            node.fact("seed", manifest.seed);
            let lock = manifest.environment.map_or_else(|| "not locked".to_owned(), Digest::short);
            node.fact("environment", format!("{lock}, {}", manifest.interpreter));
            node.fact(
                "took",
                format!(
                    "{}, {} at its peak",
                    human::duration(manifest.duration_ms),
                    human::bytes(manifest.peak_memory)
                ),
            );
            if depth > 0 {
                for (role, input) in &manifest.inputs {
                    node.from.push(self.input_node(role, input, depth - 1).await?);
                }
            }
            Ok(node)
        }
        .boxed()
    }

    async fn commit_node(&self, run: &Run) -> Node {
        let mut node = Node::new(NodeKind::Commit, "at", &run.commit);
        if let Ok(commit) = self.repo().log1(&run.commit).await {
            node.fact("subject", &commit.subject);
            node.fact("author", format!("{} <{}>", commit.author, commit.email));
            node.fact("committed at", self.shown(commit.at));
        } else {
            node.fact("warning", "this commit is not in the repository");
        }
        if run.origin == CodeOrigin::Wip {
            node.fact("origin", "work in progress: cannot be approved until the same tree is on a branch");
        }
        node
    }

    async fn input_node(&self, role: &str, input: &PinnedInput, depth: usize) -> Result<Node, WhyError> {
        let version = self.exact_version(&input.dataset, input.version).await?;
        self.dataset_node(version, &format!("input {role}"), Some(input), depth).await
    }

    async fn dataset_node(
        &self,
        version: DatasetVersion,
        relation: &str,
        used: Option<&PinnedInput>,
        depth: usize,
    ) -> Result<Node, WhyError> {
        let mut node = Node::new(NodeKind::Dataset, relation, reference_of(&version));
        node.fact("digest", version.digest);
        node.fact("added", format!("by {} at {}", version.created_by, self.shown(version.created_at)));
        let rows = version.rows.map(|rows| format!(", {} rows", human::count(rows))).unwrap_or_default();
        node.fact("holds", format!("{} files, {}{rows}", human::count(version.files), human::bytes(version.bytes)));
        if let Some(used) = used {
            let partitions = match (used.partitions.first(), used.partitions.last()) {
                (Some(first), Some(last)) => format!(": {} partitions, {first} to {last}", used.partitions.len()),
                _ => String::new(),
            };
            node.fact("used", format!("{}{partitions}", used.slice));
        }
        match version.run {
            Some(run) if depth > 0 => {
                let run = self.known_run(run).await?;
                node.from.push(self.run_node(run, "built by".to_owned(), depth - 1).await?);
            }
            _ => node.from.extend(self.file_nodes(&version, used).await?),
        }
        Ok(node)
    }

    /// The raw files, with their digests: the end of every chain.
    async fn file_nodes(&self, version: &DatasetVersion, used: Option<&PinnedInput>) -> Result<Vec<Node>, WhyError> {
        let manifest = self.manifest(version).await?;
        let is_used = |file: &FileEntry| used.is_none_or(|used| used.takes(file.partition.as_ref()));
        let files: Vec<_> = manifest.files.into_iter().filter(is_used).collect();
        let hidden = files.len().saturating_sub(FILES_SHOWN_MAX);
        let mut nodes = Vec::new();
        for file in files.iter().take(FILES_SHOWN_MAX) {
            let mut node = Node::new(NodeKind::File, "", &file.path);
            node.fact("digest", file.digest);
            node.fact("sha256", &file.sha256);
            let rows = file.rows.map(|rows| format!(", {} rows", human::count(rows))).unwrap_or_default();
            node.fact("size", format!("{}{rows}", human::bytes(file.size)));
            nodes.push(node);
        }
        if hidden > 0 {
            let mut rest = Node::new(NodeKind::File, "", format!("… and {hidden} more"));
            rest.fact("all of them", format!("lamp data get {}@{} --to DIR", version.dataset, version.version));
            nodes.push(rest);
        }
        Ok(nodes)
    }
}

fn reference_of(version: &DatasetVersion) -> String {
    format!("{}@{}", version.dataset, version.version)
}

fn answering_model(prediction: &Prediction) -> Option<&str> {
    let answer = match prediction.served_by {
        Role::Primary => prediction.primary.as_ref(),
        Role::Shadow => prediction.shadow.as_ref(),
    };
    answer.map(|answer| answer.model.as_str())
}

#[expect(clippy::cast_precision_loss, reason = "shown to one decimal")]
fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}
