//! What a change affects, and why: the least that must be tested, built or trained again.

#[cfg(test)]
mod tests;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::config::{CONFIG_FILE, Environment, Workspace};
use crate::lock::{LOCK_FILE, LockFile};
use crate::names::{DatasetName, ModelName, ProjectName, ServiceName};

/// What changed between two commits.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Paths that were added, changed, renamed (both names) or removed, relative to the root, `/` between the parts.
    pub paths: Vec<String>,
    /// `lamp.lock` before and after, where both could be read. A changed lock that could not be read affects
    /// everything.
    pub locks: Option<(LockFile, LockFile)>,
}

/// The chain of reasons, from the changed file to the thing affected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// Each step follows from the one before it.
    pub steps: Vec<String>,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.steps.join(" → "))
    }
}

/// What a change affects, each with one shortest chain of reasons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// Why everything is affected, if it is.
    pub everything: Option<Why>,
    /// Projects.
    pub projects: BTreeMap<ProjectName, Why>,
    /// Datasets.
    pub datasets: BTreeMap<DatasetName, Why>,
    /// Models.
    pub models: BTreeMap<ModelName, Why>,
    /// Services.
    pub services: BTreeMap<ServiceName, Why>,
    /// Projects' own tests: project and the test's name.
    pub tests: BTreeMap<(ProjectName, String), Why>,
    /// Changed paths that affect nothing, each with the reason.
    pub ignored: BTreeMap<String, String>,
}

/// What `changes` affect in `workspace`, the configuration after the change.
///
/// A file of a project affects the project and everything that uses it; a pin of `lamp.lock` affects what is built
/// or trained from that dataset; documentation affects nothing; a file that belongs to nobody affects everything.
pub fn affected(workspace: &Workspace, changes: &Changes) -> Affected {
    let mut ignored = BTreeMap::new();
    let mut starts: Vec<(Thing<'_>, Why)> = Vec::new();
    let mut everything = None;
    for path in &changes.paths {
        match classify(workspace, changes, path) {
            Reach::Nothing(reason) => {
                ignored.insert(path.clone(), reason);
            }
            Reach::Things(things) => {
                let why = Why { steps: vec![format!("{path} changed")] };
                starts.extend(things.into_iter().map(|thing| (thing, why.clone())));
            }
            Reach::Everything(reason) => {
                everything = everything.or(Some(Why { steps: vec![reason] }));
            }
        }
    }
    let pins = changes.locks.iter().flat_map(|(before, after)| after.changed_since(before));
    let pins: Vec<DatasetName> = pins.collect();
    for pin in &pins {
        let why = Why { steps: vec![format!("{LOCK_FILE} pins another version of `{pin}`")] };
        starts.push((Thing::Dataset(pin), why));
    }
    if let Some(why) = &everything {
        starts = workspace.projects.keys().map(|project| (Thing::Project(project), why.clone())).collect();
        let datasets = workspace.projects.values().flat_map(|project| project.datasets.keys());
        starts.extend(datasets.map(|dataset| (Thing::Dataset(dataset), why.clone())));
    }
    let mut found = spread(workspace, starts);
    if let Some(why) = &everything {
        found.give_everyone(why);
    }
    Affected { everything, ignored, ..found }
}

/// Something that can be affected.
#[derive(Debug, Clone, Copy)]
enum Thing<'w> {
    Project(&'w ProjectName),
    Dataset(&'w DatasetName),
    Model(&'w ModelName),
    Service(&'w ServiceName),
    Test(&'w ProjectName, &'w str),
}

/// How far one changed path reaches by itself.
enum Reach<'w> {
    Nothing(String),
    Things(Vec<Thing<'w>>),
    Everything(String),
}

fn classify<'w>(workspace: &'w Workspace, changes: &Changes, path: &str) -> Reach<'w> {
    if path == LOCK_FILE {
        return match &changes.locks {
            None => Reach::Everything(format!("{LOCK_FILE} changed and its versions cannot be compared")),
            Some((before, after)) if before == after => {
                Reach::Nothing("it pins the same versions as before".to_owned())
            }
            Some(_) => Reach::Things(Vec::new()),
        };
    }
    if path == CONFIG_FILE {
        return Reach::Everything(format!("{CONFIG_FILE} at the root changed"));
    }
    if is_documentation(path) {
        return Reach::Nothing("documentation affects nothing".to_owned());
    }
    let things = named_by_projects(workspace, path);
    if things.is_empty() {
        return Reach::Everything(format!("{path} changed and belongs to no project"));
    }
    Reach::Things(things)
}

/// The project that holds the file, those whose environment it locks, and the datasets whose contract or
/// configuration it is.
fn named_by_projects<'w>(workspace: &'w Workspace, path: &str) -> Vec<Thing<'w>> {
    let holds = |dir: &str| path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
    let innermost = workspace.projects.values().filter(|p| holds(&p.dir)).max_by_key(|project| project.dir.len());
    let mut things: Vec<Thing<'_>> = innermost.iter().map(|project| Thing::Project(&project.name)).collect();
    for project in workspace.projects.values() {
        let is_it = |named: &str| project.path_in_workspace(named).as_deref() == Some(path);
        let locks_environment = match &project.environment {
            Environment::PipLock(lock) => is_it(lock),
            Environment::None => false,
        };
        if locks_environment {
            things.push(Thing::Project(&project.name));
        }
        let is_own_configuration = is_it(CONFIG_FILE);
        let datasets = project.datasets.iter();
        let touched =
            datasets.filter(|(_, dataset)| is_own_configuration || dataset.contract.as_deref().is_some_and(is_it));
        things.extend(touched.map(|(name, _)| Thing::Dataset(name)));
    }
    things
}

/// Files for people only: Markdown anywhere, a licence at the root (`LICENSE`, `LICENSE-MIT`, `NOTICE.txt`).
fn is_documentation(path: &str) -> bool {
    let (stem, extension) = path.rsplit_once('.').unwrap_or((path, ""));
    let first_word = stem.split('-').next().unwrap_or(stem);
    let is_licence =
        ["LICENSE", "LICENCE", "NOTICE", "COPYING"].contains(&first_word) && ["", "txt"].contains(&extension);
    is_licence || extension.eq_ignore_ascii_case("md")
}

/// Follows the edges outwards, nearest first, so that every chain is a shortest one.
fn spread<'w>(workspace: &'w Workspace, starts: Vec<(Thing<'w>, Why)>) -> Affected {
    let mut found = Affected::default();
    let mut queue: VecDeque<(Thing<'w>, Why)> = starts.into();
    while let Some((thing, why)) = queue.pop_front() {
        if found.insert(thing, &why) {
            let next = followers(workspace, thing).into_iter();
            queue.extend(next.map(|(follower, step)| (follower, why.then(step))));
        }
    }
    found
}

/// What follows directly from a thing, each with the reason.
fn followers<'w>(workspace: &'w Workspace, thing: Thing<'w>) -> Vec<(Thing<'w>, String)> {
    match thing {
        Thing::Project(name) => followers_of_project(workspace, name),
        Thing::Dataset(name) => followers_of_dataset(workspace, name),
        Thing::Model(name) => {
            let services = workspace.projects.values().flat_map(|project| &project.services);
            let serving = services.filter(|(_, service)| service.models().any(|(_, model)| model == name));
            serving.map(|(s, _)| (Thing::Service(s), format!("service `{s}` answers with `{name}`"))).collect()
        }
        Thing::Service(_) | Thing::Test(..) => Vec::new(),
    }
}

fn followers_of_project<'w>(workspace: &'w Workspace, name: &'w ProjectName) -> Vec<(Thing<'w>, String)> {
    let Some(project) = workspace.project(name) else { return Vec::new() };
    let built = project.datasets.iter().filter(|(_, dataset)| dataset.build().is_some());
    let built = built.map(|(d, _)| (Thing::Dataset(d), format!("dataset `{d}` is built by project `{name}`")));
    let models =
        project.models.keys().map(|m| (Thing::Model(m), format!("model `{m}` is trained by project `{name}`")));
    let services = project.services.keys();
    let services = services.map(|s| (Thing::Service(s), format!("service `{s}` belongs to project `{name}`")));
    let tests = project.tests.keys();
    let tests =
        tests.map(|test| (Thing::Test(&project.name, test), format!("test `{test}` belongs to project `{name}`")));
    let users = workspace.projects.values().filter(|other| other.uses.contains(name));
    let users = users.map(|user| (Thing::Project(&user.name), format!("project `{}` uses `{name}`", user.name)));
    built.chain(models).chain(services).chain(tests).chain(users).collect()
}

fn followers_of_dataset<'w>(workspace: &'w Workspace, name: &'w DatasetName) -> Vec<(Thing<'w>, String)> {
    let datasets = workspace.projects.values().flat_map(|project| &project.datasets);
    let derived = datasets.filter(|(_, dataset)| dataset.inputs().contains(name));
    let derived = derived.map(|(d, _)| (Thing::Dataset(d), format!("dataset `{d}` is built from `{name}`")));
    let models = workspace.projects.values().flat_map(|project| &project.models);
    let models = models.filter_map(|(model, config)| {
        let (role, _) = config.data.iter().find(|(_, slice)| slice.dataset == *name)?;
        Some((Thing::Model(model), format!("model `{model}` takes its {role} data from `{name}`")))
    });
    derived.chain(models).collect()
}

impl Why {
    fn then(&self, step: String) -> Self {
        Self { steps: self.steps.iter().cloned().chain([step]).collect() }
    }
}

impl Affected {
    /// Whether nothing at all is affected.
    pub fn is_nothing(&self) -> bool {
        self.projects.is_empty()
            && self.datasets.is_empty()
            && self.models.is_empty()
            && self.services.is_empty()
            && self.tests.is_empty()
    }

    /// Keeps the first, which is the shortest, reason; says whether it is new.
    fn insert(&mut self, thing: Thing<'_>, why: &Why) -> bool {
        fn keep<K: Ord>(map: &mut BTreeMap<K, Why>, key: K, why: &Why) -> bool {
            match map.entry(key) {
                Entry::Occupied(_) => false,
                Entry::Vacant(vacant) => {
                    vacant.insert(why.clone());
                    true
                }
            }
        }
        match thing {
            Thing::Project(name) => keep(&mut self.projects, name.clone(), why),
            Thing::Dataset(name) => keep(&mut self.datasets, name.clone(), why),
            Thing::Model(name) => keep(&mut self.models, name.clone(), why),
            Thing::Service(name) => keep(&mut self.services, name.clone(), why),
            Thing::Test(project, test) => keep(&mut self.tests, (project.clone(), test.to_owned()), why),
        }
    }

    /// Where everything is affected, the one reason stands for all.
    fn give_everyone(&mut self, why: &Why) {
        let projects = self.projects.values_mut().chain(self.datasets.values_mut());
        let all = projects.chain(self.models.values_mut()).chain(self.services.values_mut());
        all.chain(self.tests.values_mut()).for_each(|reason| why.clone_into(reason));
    }
}
