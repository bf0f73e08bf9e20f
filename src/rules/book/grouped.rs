//! Rows that belong to a visit or person, stored one group after the other.

/// Rows by group number.
#[derive(Debug)]
pub struct Grouped<T> {
    starts: Vec<u32>,
    rows: Vec<T>,
}

/// Rows with their groups, before they are grouped.
#[derive(Debug)]
pub struct Loose<T> {
    groups: Vec<u32>,
    rows: Vec<T>,
}

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Self { groups: Vec::new(), rows: Vec::new() }
    }
}

impl<T> Loose<T> {
    /// Adds a row of a group.
    pub fn push(&mut self, group: u32, row: T) {
        self.groups.push(group);
        self.rows.push(row);
    }
}

impl<T> FromIterator<(u32, T)> for Loose<T> {
    fn from_iter<I: IntoIterator<Item = (u32, T)>>(rows: I) -> Self {
        let (groups, rows) = rows.into_iter().unzip();
        Self { groups, rows }
    }
}

impl<T> Default for Grouped<T> {
    fn default() -> Self {
        Self { starts: Vec::new(), rows: Vec::new() }
    }
}

impl<T> Grouped<T> {
    /// Groups rows; inside a group they are sorted by `key`, equal ones as they came.
    ///
    /// An index is sorted and the rows follow it in place: a stable sort of the rows themselves would want room
    /// for half of them again, which is hundreds of megabytes for the events of a county hospital.
    #[must_use]
    pub fn new<K: Ord>(groups: usize, rows: Loose<T>, key: impl Fn(&T) -> K) -> Self {
        let Loose { groups: mut of, mut rows } = rows;
        let place = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let mut order: Vec<u32> = (0..super::row_of(rows.len())).collect();
        order.sort_unstable_by_key(|n| (of.get(place(*n)), rows.get(place(*n)).map(&key), *n));
        follow(&mut rows, &mut order);
        of.sort_unstable();
        let mut starts = Vec::with_capacity(groups.saturating_add(1));
        let mut at = 0_u32;
        let mut counted = of.into_iter().peekable();
        for group in 0..super::row_of(groups) {
            starts.push(at);
            while counted.next_if(|g| *g <= group).is_some() {
                at = at.saturating_add(1);
            }
        }
        starts.push(at);
        rows.shrink_to_fit();
        Self { starts, rows }
    }

    /// The rows of a group.
    #[must_use]
    pub fn of(&self, group: u32) -> &[T] {
        let bounds = usize::try_from(group).ok().and_then(|n| {
            let from = self.starts.get(n)?;
            let to = self.starts.get(n.checked_add(1)?)?;
            Some((usize::try_from(*from).ok()?, usize::try_from(*to).ok()?))
        });
        bounds.and_then(|(from, to)| self.rows.get(from..to)).unwrap_or_default()
    }

    /// All rows.
    #[must_use]
    pub fn all(&self) -> &[T] {
        &self.rows
    }
}

/// Brings rows into an order (the row at `order[n]` comes to `n`), cycle by cycle; the order is used up.
fn follow<T>(rows: &mut [T], order: &mut [u32]) {
    for begin in 0..order.len() {
        let mut at = begin;
        while let Some(place) = order.get_mut(at) {
            let from = std::mem::replace(place, super::row_of(at));
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            if from == begin {
                break;
            }
            rows.swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Grouped, Loose};

    #[test]
    fn many_rows_stand_as_a_stable_sort_puts_them() {
        let mut seed = 7_u64;
        let mut dice = |sides: u64| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % sides
        };
        let rows: Vec<(u32, (u64, u32))> =
            (0..5_000).map(|n| (dice(40) as u32, (dice(9), n))).collect();
        let mut sorted = rows.clone();
        sorted.sort_by_key(|(group, (key, _))| (*group, *key));
        let grouped = Grouped::new(40, rows.into_iter().collect(), |row| row.0);
        assert!(grouped.all().iter().eq(sorted.iter().map(|row| &row.1)));
        assert_eq!((0..40).map(|g| grouped.of(g).len()).sum::<usize>(), 5_000);
    }

    #[test]
    fn every_row_is_in_its_group_and_nowhere_else() {
        let g = Grouped::new(4, Loose::from_iter([(2, 'c'), (0, 'b'), (2, 'a')]), |c| *c);
        assert_eq!(g.of(0), ['b']);
        assert!(g.of(1).is_empty());
        assert_eq!(g.of(2), ['a', 'c']);
        assert!(g.of(3).is_empty() && g.of(4).is_empty());
    }
}
