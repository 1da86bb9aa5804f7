//! Links between the pages of a long list.

use lamp_app::paging::Page;

/// Where the newer and the older pages are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pager {
    pub(crate) number: u32,
    pub(crate) newer: Option<String>,
    pub(crate) older: Option<String>,
}

impl Pager {
    /// Of a list at `path`, which may have a query already.
    pub(crate) fn of<T>(page: &Page<T>, path: &str) -> Self {
        let link = |number: u32| {
            let join = if path.contains('?') { '&' } else { '?' };
            if number == 1 { path.to_owned() } else { format!("{path}{join}page={number}") }
        };
        Self {
            number: page.number,
            newer: (page.number > 1).then(|| link(page.number - 1)),
            older: page.has_more.then(|| link(page.number + 1)),
        }
    }

    /// Whether there is anything to turn.
    pub(crate) fn is_needed(&self) -> bool {
        self.newer.is_some() || self.older.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_has_two_neighbours() {
        let page = |number, has_more| Page { items: vec![0_u8], number, has_more };
        let pager = Pager::of(&page(2, true), "/models?model=delay");
        assert_eq!(pager.newer.as_deref(), Some("/models?model=delay"));
        assert_eq!(pager.older.as_deref(), Some("/models?model=delay&page=3"));
        assert!(!Pager::of(&page(1, false), "/models").is_needed());
    }
}
