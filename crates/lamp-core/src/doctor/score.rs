//! From facts to scores.

use std::fmt::Display;
use std::time::Duration;

use super::facts::{
    CodeFacts, DataFacts, Facts, HooksFacts, LabelFacts, LookFacts, QualityFacts, RepositoryFacts, RetrainingFacts,
    ServiceFacts, TestFacts,
};
use super::{Finding, Practice, Sign};
use crate::hooks::HOOKS;
use crate::human;
use crate::names::ServiceName;

/// Names that a sentence lists before it says how many more there are.
const NAMES_MAX: usize = 3;

/// How each practice stands, in order.
pub fn diagnose(facts: &Facts) -> Vec<Finding> {
    let judge = |practice: Practice| {
        let signs = match practice {
            Practice::Hooks => hooks(&facts.hooks),
            Practice::CommittedCode => code(&facts.code),
            Practice::OneRepository => repository(&facts.repository),
            Practice::VersionedData => data(&facts.data),
            Practice::DataQuality => quality(&facts.quality),
            Practice::Labels => labels(&facts.labels),
            Practice::Cadence => retraining(&facts.retraining),
            Practice::Shadow => services(&facts.services),
            Practice::Tests => tests(&facts.tests),
        };
        Finding::of(practice, signs)
    };
    Practice::ALL.map(judge).into()
}

fn good(found: impl Into<String>) -> Sign {
    Sign { holds: true, found: found.into(), next: None }
}

fn bad(found: impl Into<String>, next: impl Into<String>) -> Sign {
    Sign { holds: false, found: found.into(), next: Some(next.into()) }
}

/// `a, b and 4 more`.
fn names<T: Display>(all: &[T]) -> String {
    let shown: Vec<String> = all.iter().take(NAMES_MAX).map(ToString::to_string).collect();
    let more = all.len().saturating_sub(NAMES_MAX);
    let shown = shown.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn counted(count: usize, noun: &str) -> String {
    human::counted(count as u64, noun)
}

/// A time that has passed, in its largest unit.
fn ago(time: Duration) -> String {
    let (hours, days) = (time.as_secs() / 3_600, time.as_secs() / 86_400);
    match (days, hours) {
        (0, 0) => "within the hour".to_owned(),
        (0, 1) => "1 hour ago".to_owned(),
        (0, hours) => format!("{hours} hours ago"),
        (1, _) => "1 day ago".to_owned(),
        (days, _) => format!("{days} days ago"),
    }
}

fn hooks(facts: &HooksFacts) -> Vec<Sign> {
    let file = match &facts.missing {
        None => bad("there is no .pre-commit-config.yaml", "lamp init"),
        Some(missing) if missing.is_empty() => good(format!(".pre-commit-config.yaml has all {} hooks", HOOKS.len())),
        Some(missing) => {
            let next = "put `# >>> lamplighter` and `# <<< lamplighter` under `repos:`, then: lamp init";
            bad(format!(".pre-commit-config.yaml lacks {}", missing.join(", ")), next)
        }
    };
    let called = match facts.called_by.as_deref() {
        Some(manager @ ("prek" | "pre-commit")) => good(format!("git calls them before each commit, by {manager}")),
        Some(_) => bad("git calls another hook before a commit", "lamp hooks install"),
        None => bad("git calls no hook before a commit", "lamp hooks install"),
    };
    vec![file, called]
}

fn code(facts: &CodeFacts) -> Vec<Sign> {
    let Some(first) = facts.models.first() else {
        return vec![bad("no model is declared", "write [models.NAME] into a project's lamp.toml")];
    };
    if facts.versions == 0 {
        return vec![bad("no model was trained yet", format!("lamp train {first}"))];
    }
    let versions = counted(facts.versions, "version");
    let kept = match facts.lost.as_slice() {
        [] => good(format!("git has the commit of every version of a model ({versions})")),
        lost => bad(format!("git has lost the commit of {}", names(lost)), "git fetch --all"),
    };
    let reached = match facts.off_branch.as_slice() {
        [] => good("what serves is on a branch"),
        [first, ..] => {
            let next = format!("lamp why {first}, then merge its commit");
            bad(format!("no branch reaches {}", names(&facts.off_branch)), next)
        }
    };
    vec![kept, reached]
}

fn repository(facts: &RepositoryFacts) -> Vec<Sign> {
    let projects = match facts.projects.len() {
        0 => bad("there is no project", "lamp init --project NAME"),
        count => good(format!("{} here: {}", counted(count, "project"), names(&facts.projects))),
    };
    let environments = match facts.unlocked.as_slice() {
        _ if facts.projects.is_empty() => bad("no environment is locked", "lamp init --project NAME"),
        [] => good("each locks the environment that it runs in"),
        [first, ..] => {
            let next = format!("environment = \"requirements.lock\" in the lamp.toml of {first}");
            bad(format!("no locked environment: {}", names(&facts.unlocked)), next)
        }
    };
    let lock = if facts.lock_is_committed {
        good("lamp.lock is committed: a commit says which data it works with")
    } else {
        bad("lamp.lock is not committed", "lamp data add DATASET --commit")
    };
    vec![projects, environments, lock]
}

fn data(facts: &DataFacts) -> Vec<Sign> {
    if facts.datasets.is_empty() {
        return vec![bad("no dataset is declared", "write [datasets.NAME] into a project's lamp.toml")];
    }
    let all = facts.datasets.len();
    let without: Vec<_> = facts.datasets.iter().filter(|dataset| dataset.versions == 0).collect();
    let versioned = match without.as_slice() {
        [] => {
            let versions: u64 = facts.datasets.iter().map(|dataset| dataset.versions).sum();
            good(format!("{}, {versions} versions", counted(all, "dataset")))
        }
        [first, ..] => {
            let listed: Vec<_> = without.iter().map(|dataset| &dataset.name).collect();
            let verb = if first.is_derived { "build" } else { "add" };
            bad(format!("no version of {}", names(&listed)), format!("lamp data {verb} {}", first.name))
        }
    };
    let unlocked: Vec<_> = facts.datasets.iter().filter(|dataset| !dataset.is_locked).collect();
    let locked = match unlocked.as_slice() {
        [] => good("lamp.lock pins each of them"),
        [first, ..] => {
            let listed: Vec<_> = unlocked.iter().map(|dataset| &dataset.name).collect();
            let verb = if first.is_derived { "build" } else { "add" };
            bad(
                format!("lamp.lock does not pin {}", names(&listed)),
                format!("lamp data {verb} {} --commit", first.name),
            )
        }
    };
    vec![versioned, locked]
}

fn quality(facts: &QualityFacts) -> Vec<Sign> {
    if facts.datasets.is_empty() {
        return vec![bad("no dataset is declared", "write [datasets.NAME] into a project's lamp.toml")];
    }
    let without: Vec<_> = facts.datasets.iter().filter(|dataset| !dataset.has_contract).map(|d| &d.name).collect();
    let promised = match without.as_slice() {
        [] => good("every dataset has a contract"),
        [first, ..] => {
            let next = format!("contract = \"contracts/{first}.odcs.yaml\" under [datasets.{first}]");
            bad(format!("no contract: {}", names(&without)), next)
        }
    };
    let with_contract = facts.datasets.iter().filter(|dataset| dataset.has_contract);
    let unchecked: Vec<_> =
        with_contract.filter(|dataset| dataset.newest_is_checked != Some(true)).map(|dataset| &dataset.name).collect();
    let checked = match unchecked.as_slice() {
        _ if without.len() == facts.datasets.len() => bad("nothing is checked", "lamp check"),
        [] => good("the newest version of each was checked"),
        [first, ..] => {
            bad(format!("the newest version was not checked: {}", names(&unchecked)), format!("lamp check {first}"))
        }
    };
    vec![promised, checked, looked_at(&facts.looks)]
}

fn looked_at(looks: &[LookFacts]) -> Sign {
    let chosen = |is_chosen: &dyn Fn(&LookFacts) -> bool| {
        looks.iter().filter(|look| is_chosen(look)).map(|look| &look.project).collect::<Vec<_>>()
    };
    let without = chosen(&|look| look.rota.is_none());
    if !without.is_empty() {
        let found = format!("no duty asks a person to look at the histograms of {}", names(&without));
        return bad(found, "histograms = { rota = \"NAME\" } under [duties]");
    }
    let late = chosen(&|look| look.last.is_none_or(|since| since > look.within));
    if !late.is_empty() {
        let last = looks.iter().filter_map(|look| look.last).min().map_or_else(|| "never".to_owned(), ago);
        return bad(format!("nobody looked at the histograms of {} in time (last: {last})", names(&late)), "lamp duty");
    }
    let last = looks.iter().filter_map(|look| look.last).max().map_or_else(String::new, ago);
    good(format!("a person on the rota looked at the histograms {last}"))
}

fn labels(facts: &[LabelFacts]) -> Vec<Sign> {
    if facts.is_empty() {
        return vec![bad("no service is declared", "write [services.NAME] into a project's lamp.toml")];
    }
    let without_duty = services_where(facts, |one| one.rota.is_none());
    let asked = match without_duty.as_slice() {
        [] => good("a duty asks a person on the rota for labels"),
        _ => bad(
            format!("no duty asks for labels of {}", names(&without_duty)),
            "labels = { rota = \"NAME\" } under [duties]",
        ),
    };
    let silent: Vec<&LabelFacts> = facts.iter().filter(|one| one.labels == 0).collect();
    let labelled = match silent.as_slice() {
        [] => {
            let count: u64 = facts.iter().map(|one| one.labels).sum();
            good(format!("{} by hand of late", human::counted(count, "label")))
        }
        [first, ..] => {
            let last = first.last.map_or_else(|| "never".to_owned(), ago);
            let found = format!(
                "no label by hand of late for {} (last: {last})",
                names(&services_where(facts, |one| one.labels == 0))
            );
            bad(found, format!("lamp label next {}", first.service))
        }
    };
    let unmeasured = services_where(facts, |one| !one.is_measured);
    let measured = match unmeasured.as_slice() {
        [] => good("metrics with their intervals stand on them"),
        [first, ..] => bad(format!("no metric yet of {}", names(&unmeasured)), format!("lamp label next {first}")),
    };
    vec![asked, labelled, measured]
}

fn services_where(facts: &[LabelFacts], is_chosen: impl Fn(&LabelFacts) -> bool) -> Vec<&ServiceName> {
    facts.iter().filter(|one| is_chosen(one)).map(|one| &one.service).collect()
}

fn retraining(facts: &RetrainingFacts) -> Vec<Sign> {
    if facts.models.is_empty() {
        return vec![bad("no model serves as a primary", "lamp deploy SERVICE MODEL@V --as primary")];
    }
    let without: Vec<_> = facts.models.iter().filter(|model| model.every.is_none()).map(|model| &model.name).collect();
    let cadence = match without.as_slice() {
        [] => {
            let told = facts.models.iter().filter_map(|m| Some(format!("{} every {}", m.name, m.every.as_ref()?)));
            good(format!("trained again: {}", names(&told.collect::<Vec<_>>())))
        }
        [first, ..] => bad(format!("no cadence: {}", names(&without)), format!("lamp cadence study {first}")),
    };
    let guessed: Vec<_> = facts.models.iter().filter(|model| !model.has_evidence).map(|model| &model.name).collect();
    let studied = match guessed.as_slice() {
        [] => good("a study chose the cadence"),
        [first, ..] => {
            bad(format!("no study chose the cadence of {}", names(&guessed)), format!("lamp cadence study {first}"))
        }
    };
    let signed = match facts.unsigned.as_slice() {
        [] => good("a person signed for everything that serves"),
        [unsigned, ..] => bad(format!("nobody signed for {}", names(&facts.unsigned)), format!("lamp why {unsigned}")),
    };
    let mut signs = vec![cadence, studied, signed];
    // One that waits is no fault: it is the next thing to do.
    if let [oldest, ..] = facts.waiting.as_slice() {
        let found = format!("{} for a person: {}", wait(facts.waiting.len()), names(&facts.waiting));
        signs.push(Sign { holds: true, found, next: Some(format!("lamp models show {oldest}")) });
    }
    signs
}

fn wait(count: usize) -> String {
    if count == 1 { "1 candidate waits".to_owned() } else { format!("{count} candidates wait") }
}

fn services(facts: &[ServiceFacts]) -> Vec<Sign> {
    if facts.is_empty() {
        return vec![bad("no service is declared", "write [services.NAME] into a project's lamp.toml")];
    }
    let mut signs = Vec::new();
    for service in facts {
        let name = &service.name;
        signs.push(match &service.primary {
            Some(primary) => good(format!("{name}: {primary} is the primary")),
            None => bad(format!("{name}: it has no primary"), format!("lamp deploy {name} MODEL@V --as primary")),
        });
        let Some(shadow) = &service.shadow else {
            let next = format!("lamp deploy {name} MODEL@V --as shadow");
            signs.push(bad(format!("{name}: no simpler model stands behind it"), next));
            continue;
        };
        let is_ready = service.with_shadow_ready == service.gateways;
        signs.push(match service.gateways {
            0 => good(format!("{name}: {shadow} stands behind it (no gateway runs now; `lamp up` starts one)")),
            count if is_ready => {
                good(format!("{name}: {shadow} stands behind it, ready in {}", counted(count, "gateway")))
            }
            count => {
                let ready = service.with_shadow_ready;
                bad(format!("{name}: {shadow} is ready in {ready} of {}", counted(count, "gateway")), "lamp serve")
            }
        });
    }
    signs
}

fn tests(facts: &TestFacts) -> Vec<Sign> {
    let workflow = match &facts.workflow {
        Some(path) => good(format!("{path} calls `lamp test`")),
        None => bad("no workflow of CI calls `lamp test`", "lamp init"),
    };
    let is_open = |name: &&_| !facts.passed.contains(name) && !facts.failed.contains(name);
    let open: Vec<_> = facts.models.iter().filter(is_open).collect();
    let run = match (facts.failed.as_slice(), open.as_slice()) {
        _ if facts.models.is_empty() => bad("no model is declared", "write [models.NAME] into a project's lamp.toml"),
        ([first, ..], _) => bad(format!("tests failed: {}", names(&facts.failed)), format!("lamp test {first}")),
        ([], [first, ..]) => bad(format!("not tested of late: {}", names(&open)), format!("lamp test {first}")),
        ([], []) => good(format!("the tests of {} passed", counted(facts.models.len(), "model"))),
    };
    vec![workflow, run]
}

#[cfg(test)]
mod tests;
