//! Long lists, a page at a time.

use serde::Serialize;

/// Items on one page.
pub const PAGE_SIZE: u32 = 25;

/// Which page of a list is wanted, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber(u32);

impl PageNumber {
    /// The first page.
    pub const FIRST: Self = Self(1);

    /// The page of that number; 0 is the first as well.
    pub fn new(number: u32) -> Self {
        Self(number.max(1))
    }

    /// Items before it.
    pub(crate) fn skip(self) -> u64 {
        u64::from(self.0 - 1) * u64::from(PAGE_SIZE)
    }

    /// Items to ask for: one more than are shown, to know whether there is a next page.
    pub(crate) const fn limit() -> u32 {
        PAGE_SIZE + 1
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// At most [`PAGE_SIZE`] items.
    pub items: Vec<T>,
    /// Its number, from 1.
    pub number: u32,
    /// Whether there is a page after it.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A page of the items that were found when [`PageNumber::limit`] were asked for.
    pub(crate) fn of(mut found: Vec<T>, number: PageNumber) -> Self {
        let size = PAGE_SIZE as usize;
        let has_more = found.len() > size;
        found.truncate(size);
        Self { items: found, number: number.0, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_knows_whether_there_is_another() {
        let found: Vec<u32> = (0..PageNumber::limit()).collect();
        let page = Page::of(found, PageNumber::new(0));
        assert_eq!((page.items.len(), page.number, page.has_more), (25, 1, true));
        let last = Page::of(vec![7_u32], PageNumber::new(3));
        assert_eq!((last.items.len(), last.number, last.has_more), (1, 3, false));
        assert_eq!((PageNumber::FIRST.skip(), PageNumber::new(3).skip()), (0, 50));
    }
}
