use std::time::Duration;

use super::*;
use crate::doctor::{ChecksFacts, DatasetFacts, ModelFacts, Score};
use crate::names::{DatasetName, ModelName, ProjectName, ServiceName};
use crate::route::ModelRef;

fn model(name: &str) -> ModelName {
    ModelName::parse(name).expect("a name")
}

fn version(name: &str, version: u32) -> ModelRef {
    ModelRef { model: model(name), version }
}

fn dataset(name: &str) -> DatasetName {
    DatasetName::parse(name).expect("a name")
}

fn service(name: &str) -> ServiceName {
    ServiceName::parse(name).expect("a name")
}

fn day() -> Duration {
    Duration::from_hours(24)
}

/// A repository where all is well.
fn healthy() -> Facts {
    Facts {
        hooks: HooksFacts { missing: Some(Vec::new()), called_by: Some("prek".to_owned()) },
        code: CodeFacts { models: vec![model("delay")], versions: 3, lost: Vec::new(), off_branch: Vec::new() },
        repository: RepositoryFacts {
            projects: vec![ProjectName::parse("delay").expect("a name")],
            unlocked: Vec::new(),
            lock_is_committed: true,
        },
        data: DataFacts {
            datasets: vec![DatasetFacts { name: dataset("trips"), is_derived: true, versions: 2, is_locked: true }],
        },
        quality: QualityFacts {
            datasets: vec![ChecksFacts { name: dataset("trips"), has_contract: true, newest_is_checked: Some(true) }],
            looks: vec![LookFacts {
                project: ProjectName::parse("delay").expect("a name"),
                rota: Some("ml".to_owned()),
                last: Some(day()),
                within: day() * 2,
            }],
        },
        labels: vec![LabelFacts {
            service: service("delay"),
            rota: Some("ml".to_owned()),
            labels: 10,
            last: Some(day()),
            is_measured: true,
        }],
        retraining: RetrainingFacts {
            models: vec![ModelFacts { name: model("delay"), every: Some("7 days".to_owned()), has_evidence: true }],
            unsigned: Vec::new(),
            waiting: Vec::new(),
        },
        services: vec![ServiceFacts {
            name: service("delay"),
            primary: Some(version("delay", 1)),
            shadow: Some(version("delay-simple", 1)),
            gateways: 1,
            with_shadow_ready: 1,
        }],
        tests: TestFacts {
            workflow: Some(".github/workflows/lamp.yml".to_owned()),
            models: vec![model("delay")],
            passed: vec![model("delay")],
            failed: Vec::new(),
        },
    }
}

#[test]
fn a_bare_repository_keeps_nothing_and_a_healthy_one_everything() {
    let bare = diagnose(&Facts::default());
    assert_eq!(bare.iter().map(|finding| finding.practice).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for finding in &bare {
        assert_eq!(finding.score, Score::No, "{finding:?}");
        assert!(finding.next.is_some(), "where nothing is there, there is a first step: {finding:?}");
    }
    for finding in diagnose(&healthy()) {
        assert_eq!((finding.score, finding.next.clone()), (Score::Yes, None), "{finding:?}");
    }
}

/// One practice of a healthy repository with something changed.
#[track_caller]
fn check(change: impl FnOnce(&mut Facts), practice: usize, score: Score, found: &str, next: &str) {
    let mut facts = healthy();
    change(&mut facts);
    let findings = diagnose(&facts);
    let finding = &findings[practice - 1];
    assert_eq!(finding.score, score, "{finding:?}");
    assert!(finding.signs.iter().any(|sign| sign.found.contains(found)), "no sign has {found:?}: {finding:?}");
    assert!(finding.next.as_deref().is_some_and(|said| said.contains(next)), "{next:?} is not next: {finding:?}");
    let others = findings.iter().filter(|other| usize::from(other.practice) != practice);
    assert!(others.into_iter().all(|other| other.score == Score::Yes), "the others are as they were: {findings:?}");
}

#[test]
fn what_is_missing_is_named_with_the_next_step() {
    use Score::{No, Partly};
    check(|f| f.hooks.missing = None, 1, Partly, "no .pre-commit-config.yaml", "lamp init");
    check(
        |f| f.hooks.missing = Some(vec!["mypy".to_owned(), "lamp".to_owned()]),
        1,
        Partly,
        "lacks mypy, lamp",
        ">>> lamplighter",
    );
    check(|f| f.hooks.called_by = None, 1, Partly, "no hook before a commit", "lamp hooks install");
    check(|f| f.hooks.called_by = Some("somebody else".to_owned()), 1, Partly, "another hook", "lamp hooks install");
    check(|f| f.code.versions = 0, 2, No, "no model was trained", "lamp train delay");
    check(|f| f.code.lost = vec![version("delay", 2)], 2, Partly, "lost the commit of delay@2", "git fetch");
    check(
        |f| f.code.off_branch = vec![version("delay", 1)],
        2,
        Partly,
        "no branch reaches delay@1",
        "lamp why delay@1",
    );
    check(|f| f.repository.unlocked = f.repository.projects.clone(), 3, Partly, "no locked", "environment =");
    check(|f| f.repository.lock_is_committed = false, 3, Partly, "lamp.lock is not committed", "--commit");
    check(|f| f.data.datasets[0].versions = 0, 4, Partly, "no version of trips", "lamp data build trips");
    check(|f| f.data.datasets[0].is_locked = false, 4, Partly, "does not pin trips", "lamp data build trips --commit");
    check(|f| f.data.datasets.clear(), 4, No, "no dataset is declared", "[datasets.NAME]");
}

#[test]
fn people_who_do_not_look_or_label_are_missed() {
    use Score::{No, Partly};
    check(|f| f.quality.datasets[0].has_contract = false, 5, Partly, "no contract: trips", "contract = ");
    check(|f| f.quality.datasets[0].newest_is_checked = Some(false), 5, Partly, "was not checked", "lamp check trips");
    check(|f| f.quality.looks[0].rota = None, 5, Partly, "no duty asks a person", "[duties]");
    check(|f| f.quality.looks[0].last = None, 5, Partly, "last: never", "lamp duty");
    check(|f| f.quality.looks[0].last = Some(day() * 3), 5, Partly, "3 days ago", "lamp duty");
    check(|f| f.labels[0].rota = None, 6, Partly, "no duty asks for labels of delay", "[duties]");
    check(
        |f| (f.labels[0].labels, f.labels[0].last) = (0, Some(day() * 9)),
        6,
        Partly,
        "9 days ago",
        "lamp label next delay",
    );
    check(|f| (f.labels[0].labels, f.labels[0].last) = (0, None), 6, Partly, "last: never", "lamp label next delay");
    check(|f| f.labels[0].is_measured = false, 6, Partly, "no metric yet of delay", "lamp label next delay");
    check(|f| f.labels.clear(), 6, No, "no service is declared", "[services.NAME]");
}

#[test]
fn a_cadence_wants_a_study_and_a_service_wants_a_shadow() {
    use Score::{No, Partly};
    check(|f| f.retraining.models[0].has_evidence = false, 7, Partly, "no study", "lamp cadence study delay");
    check(|f| f.retraining.models[0].every = None, 7, Partly, "no cadence: delay", "lamp cadence study delay");
    check(
        |f| f.retraining.unsigned = vec![version("delay", 1)],
        7,
        Partly,
        "nobody signed for delay@1",
        "lamp why delay@1",
    );
    check(|f| f.retraining.models.clear(), 7, No, "no model serves", "lamp deploy");
    check(|f| f.services[0].shadow = None, 8, Partly, "no simpler model", "lamp deploy delay MODEL@V --as shadow");
    check(|f| f.services[0].with_shadow_ready = 0, 8, Partly, "ready in 0 of 1 gateway", "lamp serve");
    check(|f| f.tests.workflow = None, 9, Partly, "no workflow", "lamp init");
    check(|f| f.tests.passed.clear(), 9, Partly, "not tested of late: delay", "lamp test delay");
    check(
        |f| f.tests.failed = std::mem::take(&mut f.tests.passed),
        9,
        Partly,
        "tests failed: delay",
        "lamp test delay",
    );
}

#[test]
fn a_candidate_that_waits_is_no_fault_and_is_said() {
    let mut facts = healthy();
    facts.retraining.waiting = vec![version("delay", 2), version("delay", 3)];
    let finding = diagnose(&facts).swap_remove(6);
    assert_eq!(finding.score, Score::Yes);
    let sign = finding.signs.last().expect("a sign");
    assert_eq!(sign.found, "2 candidates wait for a person: delay@2, delay@3");
    assert_eq!(sign.next.as_deref(), Some("lamp models show delay@2"));
}

#[test]
fn many_names_are_cut_short() {
    assert_eq!(names(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    assert_eq!(ago(Duration::from_secs(59)), "within the hour");
    assert_eq!(ago(Duration::from_hours(5)), "5 hours ago");
    assert_eq!(ago(Duration::from_hours(47)), "1 day ago");
}
