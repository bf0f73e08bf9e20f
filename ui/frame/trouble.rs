//! Every trouble of the desk becomes the same card: safe, happened, what to do, code.

use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_domain::Trouble;
use spotcheck_face::{Shell, TroubleCard};

use crate::app::App;
use crate::frame::toast;
use crate::language::{english, word};

/// The card's four parts.
///
/// In English the catalogue speaks by code and part; the Chinese sentences, which may hold values and may have
/// to be read to somebody, stay below. A code that it does not know is told in Chinese only.
pub(crate) fn card(trouble: &Trouble) -> TroubleCard {
    let part = |part: &str| english(&format!("{} {part}", trouble.code));
    // What is safe during a transfer is the same for many codes and stands by its Chinese sentence.
    let speaks = |own: Option<&str>, chinese: &str| own.unwrap_or_else(|| word(chinese)).into();
    let (happened, safe, advice) = (part("happened"), part("safe"), part("advice"));
    let original = match happened {
        Some(_) => format!("{}。{}。{}", trouble.safe, trouble.message, trouble.advice),
        None => String::new(),
    };
    TroubleCard {
        code: trouble.code.as_str().into(),
        happened: speaks(happened, &trouble.message),
        safe: speaks(safe, &trouble.safe),
        advice: speaks(advice, &trouble.advice),
        original: original.into(),
        retryable: trouble.retryable,
    }
}

/// Shows the card until it is put away. The technical cause goes to the log only.
pub(crate) fn show(app: &Rc<App>, trouble: &Trouble) {
    tracing::warn!(code = trouble.code, cause = trouble.cause, "A trouble was shown.");
    let shell = app.window.global::<Shell<'_>>();
    app.drop_keyboard();
    toast::pass(app);
    shell.set_trouble(card(trouble));
    shell.set_troubled(true);
}

pub(crate) fn connect(app: &App) {
    let window = app.window.as_weak();
    app.window.global::<Shell<'_>>().on_trouble_closed(move || {
        if let Some(window) = window.upgrade() {
            window.global::<Shell<'_>>().set_troubled(false);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_has_the_four_parts_and_never_the_cause() {
        let trouble = Trouble::new("A-1", "坏了", "都在", "再来").because("secret path").retry();
        let card = card(&trouble);
        assert_eq!((card.code.as_str(), card.happened.as_str()), ("A-1", "坏了"));
        assert_eq!((card.safe.as_str(), card.advice.as_str()), ("都在", "再来"));
        assert!(card.retryable);
    }
}
