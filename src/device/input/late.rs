//! A part of the input engine that is opened when it is first needed.
//!
//! Language model, librime and handwriting model take some seventy megabytes together. Most of a visit needs
//! none of them, and a handheld has little memory: the task list must not pay for the keyboard (budget P6).

type Open<T> = Box<dyn FnOnce() -> Option<T> + Send>;

/// Opened at most once, by [`Late::get`] or [`Late::take`].
pub(super) struct Late<T> {
    /// What can be said without opening; after it, whether something was opened.
    there: bool,
    open: Option<Open<T>>,
    value: Option<T>,
}

impl<T> Late<T> {
    /// `there`: what a look at the files says. Where it is false, `open` is never called.
    pub(super) fn new(there: bool, open: impl FnOnce() -> Option<T> + Send + 'static) -> Self {
        let open: Option<Open<T>> = there.then(|| Box::new(open) as Open<T>);
        Self { there, open, value: None }
    }

    /// Whether it is there, as far as is known now.
    pub(super) const fn is_there(&self) -> bool {
        self.there
    }

    /// The part; `None` where it is missing or refuses.
    pub(super) fn get(&mut self) -> Option<&T> {
        if let Some(open) = self.open.take() {
            self.value = open();
            self.there = self.value.is_some();
        }
        self.value.as_ref()
    }

    /// The part, for somebody who keeps it; `None` ever after.
    pub(super) fn take(&mut self) -> Option<T> {
        self.get();
        let value = self.value.take();
        self.there &= value.is_none();
        value
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::Late;

    #[test]
    fn a_part_is_opened_once_and_not_before_it_is_asked_for() {
        let opened = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&opened);
        let mut part = Late::new(true, move || Some(count.fetch_add(1, Ordering::SeqCst)));
        assert!(part.is_there());
        assert_eq!(opened.load(Ordering::SeqCst), 0);
        assert_eq!(part.get(), Some(&0));
        assert_eq!(part.get(), Some(&0));
        assert_eq!(part.take(), Some(0));
        assert_eq!(part.take(), None);
        assert_eq!(opened.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_part_that_refuses_is_known_to_be_missing_then() {
        let mut part: Late<u8> = Late::new(true, || None);
        assert!(part.is_there());
        assert!(part.get().is_none());
        assert!(!part.is_there());
    }
}
