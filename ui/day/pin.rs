//! A PIN while it is typed: in memory that is wiped, never in the face.

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use spotcheck_app::desk::Desk;
use spotcheck_domain::OfficerId;

/// Shortest PIN of an officer (`HARDWARE_PIN_DIGITS` of the vault, below which no policy goes), in characters.
const SHORTEST: i32 = 6;
/// Shortest PIN that tokens of this kind take, in characters.
const TOKEN_SHORTEST: i32 = 4;
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

/// What an officer typed: the own PIN, and that of the token if one takes part in the keys.
pub(crate) struct Typed {
    own: SecretString,
    token: Option<SecretString>,
}

impl Typed {
    /// Gives the token's PIN to the desk; what is left goes into the act.
    pub(crate) fn present(self, desk: &mut dyn Desk, officer: &OfficerId) -> SecretString {
        if let Some(token) = self.token {
            desk.token_pin(officer, token);
        }
        self.own
    }

    /// The own PIN, where no keys are opened with it.
    pub(crate) fn alone(self) -> SecretString {
        self.own
    }
}

/// The pad: first the own PIN, then, for whoever has a token, the token's.
pub(crate) struct Pad {
    buffer: PinBuffer,
    own: Option<SecretString>,
}

impl Pad {
    pub(crate) fn new() -> Self {
        Self { buffer: PinBuffer::new(), own: None }
    }

    /// What is typed now; the dots are its characters.
    pub(crate) fn buffer(&mut self) -> &mut PinBuffer {
        &mut self.buffer
    }

    pub(crate) fn typed(&self) -> i32 {
        self.buffer.typed()
    }

    /// What is typed can be a PIN.
    pub(crate) fn enough(&self) -> bool {
        self.buffer.typed() >= if self.at_token() { TOKEN_SHORTEST } else { SHORTEST }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
        self.own = None;
    }

    /// True while the token's PIN is typed.
    pub(crate) const fn at_token(&self) -> bool {
        self.own.is_some()
    }

    /// One PIN is typed to its end. `None`: what was typed is none yet, or the token's comes next.
    pub(crate) fn done(&mut self, token: bool) -> Option<Typed> {
        if !self.enough() {
            return None;
        }
        let pin = self.buffer.take();
        match self.own.take() {
            Some(own) => Some(Typed { own, token: Some(pin) }),
            None if token => {
                self.own = Some(pin);
                None
            }
            None => Some(Typed { own: pin, token: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn whoever_has_a_token_types_two_pins_and_everybody_else_one() {
        let mut pad = Pad::new();
        assert!(pad.done(true).is_none() && !pad.at_token(), "nothing typed, nothing done");
        pad.buffer().replace("12345");
        assert!(!pad.enough() && pad.done(false).is_none(), "no PIN is so short");
        pad.buffer().replace("own-11");
        assert!(pad.done(true).is_none() && pad.at_token());
        assert_eq!(pad.typed(), 0, "the dots begin anew");
        assert!(pad.done(true).is_none(), "the token's cannot be left out");
        pad.buffer().replace("1234");
        assert!(pad.enough(), "a token's is shorter");
        pad.buffer().replace("token-2");
        let both = pad.done(true).unwrap();
        assert_eq!(both.own.expose_secret(), "own-11");
        assert_eq!(both.token.unwrap().expose_secret(), "token-2");
        pad.buffer().replace("own-11");
        assert!(pad.done(false).unwrap().token.is_none() && !pad.at_token());
        pad.buffer().replace("own-11");
        pad.done(true);
        pad.clear();
        assert!(!pad.at_token(), "whoever goes away leaves nothing behind");
    }

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
