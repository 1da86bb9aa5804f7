//! Whether a symbolic link stays within its version.

use std::path::{Component, Path};

/// Why the link `name` of a version would lead out of it by its text alone: an absolute target, one that
/// climbs above the version, or one that climbs after going down, because what it went down through
/// may be a link itself. Without the last, links that each seem harmless could be chained into a way
/// out. `None` if it stays inside.
pub fn why_it_leads_out(name: &str, target: &str) -> Option<&'static str> {
    let folders_above = name.matches('/').count();
    let (mut climbed, mut went_down) = (0, false);
    for component in Path::new(target).components() {
        match component {
            Component::Prefix(_) | Component::RootDir => return Some("is absolute"),
            Component::CurDir => {}
            Component::ParentDir if went_down => return Some("goes down and up again"),
            Component::ParentDir => climbed += 1,
            Component::Normal(_) => went_down = true,
        }
    }
    (climbed > folders_above).then_some("climbs above it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_must_stay_inside() {
        for (name, target) in [("a", "b"), ("a", "./b/c"), ("x/a", "../b"), ("x/y/a", "../../b/./c"), ("x/a", "..")] {
            assert_eq!(why_it_leads_out(name, target), None, "{name} -> {target}");
        }
        for (name, target) in
            [("a", "/etc/passwd"), ("a", "../b"), ("x/a", "../../b"), ("a", "b/../../c"), ("a", "b/../c"), ("a", "..")]
        {
            assert!(why_it_leads_out(name, target).is_some(), "{name} -> {target}");
        }
    }
}
