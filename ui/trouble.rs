//! Every trouble of the desk becomes the same card: safe, happened, what to do, code.

use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_domain::Trouble;
use spotcheck_face::{Shell, TroubleCard};

use crate::app::App;

/// The card's four parts.
pub(crate) fn card(trouble: &Trouble) -> TroubleCard {
    TroubleCard {
        code: trouble.code.as_str().into(),
        happened: trouble.message.as_str().into(),
        safe: trouble.safe.as_str().into(),
        advice: trouble.advice.as_str().into(),
        retryable: trouble.retryable,
    }
}

/// Shows the card until it is put away. The technical cause goes to the log only.
pub(crate) fn show(app: &Rc<App>, trouble: &Trouble) {
    tracing::warn!(code = trouble.code, cause = trouble.cause, "A trouble was shown.");
    let shell = app.window.global::<Shell<'_>>();
    app.drop_keyboard();
    shell.set_toast("".into());
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
