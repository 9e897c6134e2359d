//! A set of the relations of one join group.

/// Relations by their numbers in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct RelationSet(u64);

impl RelationSet {
    /// The most relations that a group may have.
    pub(super) const CAPACITY: usize = 64;

    pub(super) const EMPTY: Self = Self(0);

    /// The set of one relation. Numbers start at 0 and are below
    /// [`Self::CAPACITY`].
    pub(super) fn single(relation: usize) -> Self {
        Self(1 << relation)
    }

    /// The relations numbered from 0 to `count - 1`.
    pub(super) fn first(count: usize) -> Self {
        (0..count).map(Self::single).collect()
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn contains(self, relation: usize) -> bool {
        self.0 & (1 << relation) != 0
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The numbers in ascending order.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let lowest = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            Some(lowest)
        })
    }

    /// Every subset that is neither empty nor the whole set.
    pub(super) fn proper_subsets(self) -> impl Iterator<Item = Self> {
        let all = self.0;
        let mut subset = all;
        std::iter::from_fn(move || {
            subset = subset.wrapping_sub(1) & all;
            (subset != 0 && all != 0).then_some(Self(subset))
        })
    }
}

impl FromIterator<Self> for RelationSet {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(Self::EMPTY, Self::union)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_leave_out_the_empty_and_the_whole_set() {
        let set = RelationSet::from_bits(0b1011);
        let mut subsets: Vec<u64> = set.proper_subsets().map(RelationSet::bits).collect();
        subsets.sort_unstable();
        assert_eq!(subsets, [0b1, 0b10, 0b11, 0b1000, 0b1001, 0b1010]);
        assert_eq!(RelationSet::EMPTY.proper_subsets().count(), 0);
        assert_eq!(RelationSet::single(63).proper_subsets().count(), 0);
    }

    #[test]
    fn numbers_come_in_order() {
        let set = RelationSet::from_bits(1 << 63 | 0b101);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 2, 63]);
        assert_eq!(set.len(), 3);
    }
}
