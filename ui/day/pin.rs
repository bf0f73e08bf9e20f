//! A PIN while it is typed: in memory that is wiped, never in the face.

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// Longest PIN that is taken in, in characters.
const LONGEST: usize = 64;

/// The buffer behind the dots.
pub(crate) struct PinBuffer {
    text: Zeroizing<String>,
}

impl PinBuffer {
    pub(crate) fn new() -> Self {
        // Room for the longest PIN, so that growing never leaves a copy behind.
        Self { text: Zeroizing::new(String::with_capacity(LONGEST.saturating_mul(4))) }
    }

    /// Adds what one key gave; control characters and function keys are no part of a PIN.
    pub(crate) fn press(&mut self, key: &str) {
        let fits = self.text.chars().count().saturating_add(key.chars().count()) <= LONGEST;
        let plain = !key.is_empty() && key.chars().all(|c| !c.is_control() && c.is_ascii());
        if fits && plain {
            self.text.push_str(key);
        }
    }

    pub(crate) fn erase(&mut self) {
        self.text.pop();
    }

    pub(crate) fn clear(&mut self) {
        use secrecy::zeroize::Zeroize;
        let mut old = std::mem::take(&mut *self.text);
        old.zeroize();
        self.text.reserve(LONGEST.saturating_mul(4));
    }

    pub(crate) fn replace(&mut self, all: &str) {
        self.clear();
        self.press(all);
    }

    /// Number of dots.
    pub(crate) fn typed(&self) -> i32 {
        i32::try_from(self.text.chars().count()).unwrap_or(i32::MAX)
    }

    /// Hands the PIN over and wipes the buffer.
    pub(crate) fn take(&mut self) -> SecretString {
        let secret = SecretString::from(self.text.as_str());
        self.clear();
        secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn keys_dots_and_handing_over() {
        let mut pin = PinBuffer::new();
        for key in ["1", "2", "a", "\u{f700}", "\n", "", "一"] {
            pin.press(key);
        }
        assert_eq!(pin.typed(), 3);
        pin.erase();
        assert_eq!(pin.take().expose_secret(), "12");
        assert_eq!(pin.typed(), 0);
        pin.press(&"9".repeat(65));
        assert_eq!(pin.typed(), 0);
    }
}
