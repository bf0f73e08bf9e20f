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
    /// Groups rows; inside a group they are sorted by `key`.
    #[must_use]
    pub fn new<K: Ord>(groups: usize, mut rows: Vec<(u32, T)>, key: impl Fn(&T) -> K) -> Self {
        rows.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| key(&a.1).cmp(&key(&b.1))));
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

#[cfg(test)]
mod tests {
    use super::Grouped;

    #[test]
    fn every_row_is_in_its_group_and_nowhere_else() {
        let g = Grouped::new(4, vec![(2, 'c'), (0, 'b'), (2, 'a')], |c| *c);
        assert_eq!(g.of(0), ['b']);
        assert!(g.of(1).is_empty());
        assert_eq!(g.of(2), ['a', 'c']);
        assert!(g.of(3).is_empty() && g.of(4).is_empty());
    }
}
