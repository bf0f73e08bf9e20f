//! Other days: somebody new, practice, large text, little room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use spotcheck_app::desk::Own;
use spotcheck_domain::task::PRACTICE;

use super::FakeDesk;
use crate::frame::settings;

impl FakeDesk {
    /// The officers have never seen the program: every screen has its hint.
    #[must_use]
    pub fn with_new_hands(mut self) -> Self {
        self.own.retain(|(_, what), _| *what != Own::Settings);
        self
    }

    /// The first task is one to learn on.
    #[must_use]
    pub fn with_practice(mut self) -> Self {
        if let Some(card) = self.tasks.first_mut() {
            card.task.title = "新人演练".to_owned();
            card.task.document_number = Some(format!("{PRACTICE}〔2026〕7Q4K号"));
        }
        self
    }

    /// The officers want large text.
    #[must_use]
    pub fn with_large_text(mut self) -> Self {
        for ((_, what), json) in &mut self.own {
            if *what == Own::Settings {
                *json = settings::of_an_old_hand(true);
            }
        }
        self
    }

    /// There is room for so many minutes of recording only.
    #[must_use]
    pub fn with_minutes_left(mut self, minutes: u64) -> Self {
        self.low = Some(minutes);
        self
    }

    /// Storage takes nothing for as many milliseconds as stand there.
    #[must_use]
    pub fn with_stalled_storage(mut self, ms: &Arc<AtomicU64>) -> Self {
        self.stalled_ms = Arc::clone(ms);
        self
    }

    /// Microphone and camera give nothing for as many milliseconds as stand there.
    #[must_use]
    pub fn with_stuck_devices(mut self, ms: &Arc<AtomicU64>) -> Self {
        self.silent_ms = Arc::clone(ms);
        self
    }

    /// While it is set, what is recorded ends by itself.
    #[must_use]
    pub fn with_unplugged_devices(mut self, unplugged: &Arc<AtomicBool>) -> Self {
        self.unplugged = Arc::clone(unplugged);
        self
    }
}
