//! Rows that belong to a visit or person, stored one group after the other.

/// Rows by group number.
#[derive(Debug)]
pub struct Grouped<T> {
    starts: Vec<u32>,
    rows: Vec<T>,
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
    pub fn new<K: Ord>(groups: usize, mut rows: Vec<(u32, T)>, key: impl Fn(&T) -> K) -> Self {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|n| rows.get(*n).map(|r| (r.0, key(&r.1), *n)));
        follow(&mut rows, &mut order);
        let mut starts = Vec::with_capacity(groups.saturating_add(1));
        let mut at = 0_u32;
        let mut counted = rows.iter().map(|r| r.0).peekable();
        for group in 0..u32::try_from(groups).unwrap_or(u32::MAX) {
            starts.push(at);
            while counted.next_if(|g| *g <= group).is_some() {
                at = at.saturating_add(1);
            }
        }
        starts.push(at);
        Self { starts, rows: rows.into_iter().map(|r| r.1).collect() }
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
fn follow<T>(rows: &mut [T], order: &mut [usize]) {
    for begin in 0..order.len() {
        let mut at = begin;
        while let Some(place) = order.get_mut(at) {
            let from = std::mem::replace(place, at);
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
    use super::Grouped;

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
        let grouped = Grouped::new(40, rows, |row| row.0);
        assert!(grouped.all().iter().eq(sorted.iter().map(|row| &row.1)));
        assert_eq!((0..40).map(|g| grouped.of(g).len()).sum::<usize>(), 5_000);
    }

    #[test]
    fn every_row_is_in_its_group_and_nowhere_else() {
        let g = Grouped::new(4, vec![(2, 'c'), (0, 'b'), (2, 'a')], |c| *c);
        assert_eq!(g.of(0), ['b']);
        assert!(g.of(1).is_empty());
        assert_eq!(g.of(2), ['a', 'c']);
        assert!(g.of(3).is_empty() && g.of(4).is_empty());
    }
}
