//! Circles in a graph of names.

use std::collections::{BTreeMap, BTreeSet};

/// A circle, if there is one: each follows from the one before it, and the last is the first again. The same graph
/// gives the same circle.
pub(crate) fn find_circle<'n, N: Ord>(edges: &BTreeMap<&'n N, Vec<&'n N>>) -> Option<Vec<&'n N>> {
    let mut done: BTreeSet<&N> = BTreeSet::new();
    for start in edges.keys() {
        // The way from `start` to here, each with the index of the next neighbour to try.
        let mut way: Vec<(&'n N, usize)> = vec![(*start, 0)];
        while let Some((at, next)) = way.last_mut() {
            let neighbour = edges.get(*at).and_then(|neighbours| neighbours.get(*next)).copied();
            *next += 1;
            match neighbour {
                None => {
                    done.insert(*at);
                    way.pop();
                }
                Some(neighbour) => {
                    if let Some(first) = way.iter().position(|(name, _)| *name == neighbour) {
                        let circle = way[first..].iter().map(|(name, _)| *name).chain([neighbour]);
                        return Some(circle.collect());
                    }
                    if !done.contains(neighbour) {
                        way.push((neighbour, 0));
                    }
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(edges: &[(&str, &[&str])]) -> Option<String> {
        let owned: BTreeMap<String, Vec<String>> = edges
            .iter()
            .map(|(from, to)| ((*from).to_owned(), to.iter().map(|name| (*name).to_owned()).collect()))
            .collect();
        let borrowed = owned.iter().map(|(from, to)| (from, to.iter().collect())).collect();
        find_circle(&borrowed).map(|names| names.into_iter().map(String::as_str).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_circle_is_found_and_a_diamond_is_none() {
        assert_eq!(circle(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &[])]), None);
        assert_eq!(circle(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]).as_deref(), Some("b c b"));
        assert_eq!(circle(&[("a", &["a"])]).as_deref(), Some("a a"));
        assert_eq!(circle(&[("a", &["unknown"])]), None);
    }
}
