//! Pages of lists.

/// How many items a page may have: 1 to 100, 50 when nothing is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// The largest page.
    pub const MAX: u32 = 100;

    /// Takes a page size that came from outside; `None` unless it is in 1 … 100.
    #[must_use]
    pub fn parse(value: u32) -> Option<Self> {
        (1..=Self::MAX).contains(&value).then_some(Self(value))
    }

    /// The number of items.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(50)
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The items in the list's order.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end of the list.
    pub next: Option<C>,
}

impl<T, C> Page<T, C> {
    /// Makes a page from up to `size + 1` items: the one too many only tells that there is more.
    #[must_use]
    pub fn from_overfull(mut items: Vec<T>, size: PageSize, cursor: impl FnOnce(&T) -> C) -> Self {
        let size = size.get() as usize;
        let more = items.len() > size;
        items.truncate(size);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_overfull_page_has_a_next_one() {
        let size = PageSize::parse(2).unwrap();
        assert_eq!(Page::from_overfull(vec![1, 2], size, |n| *n).next, None);
        assert_eq!(
            Page::from_overfull(vec![1, 2, 3], size, |n| *n).next,
            Some(2)
        );
        assert_eq!(
            Page::from_overfull(Vec::<i32>::new(), size, |n| *n).next,
            None
        );
    }
}
