//! What is typed into a field of a form: which phrases the keyboard offers there, and whether it takes digits.
//!
//! What a party says is its own: no phrase is ever offered for answers, statements and opinions (inspection.md,
//! "never prefilled and never offered as choices"). Notices, posts, places and what officers see may be chosen.

/// What the keyboard has to know of a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TypedInto {
    /// Kinds of phrases, with spaces between; empty: none.
    pub(crate) about: &'static str,
    /// Takes digits first.
    pub(crate) number: bool,
}

const fn about(about: &'static str) -> TypedInto {
    TypedInto { about, number: false }
}

const fn number(about: &'static str) -> TypedInto {
    TypedInto { about, number: true }
}

/// A field of a form by form and key; one that is not named here gets the keyboard and no phrase.
pub(crate) fn typed_into(form: &str, key: &str) -> TypedInto {
    match (form, key) {
        (_, "place") => about("place"),
        (_, "present_post" | "post") => about("post"),
        (_, "relation") => about("relation"),
        (_, "recusal") => about("recusal"),
        (_, "measures") => about("measure"),
        // In W03 and W04 the remark is the party's own.
        (_, "attachments") | ("W25", "remark") => about("remark"),
        (_, "recordings") => about("source method"),
        ("W03", "content") => about("presence record_gap device_state stock_state"),
        ("W25", "acts") => about("refusal"),
        (_, "present_id" | "id_number") => number("identity"),
        (_, "subject_phone" | "phone" | "birth") => number(""),
        _ => TypedInto::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// inspection.md: substantive answers are never prefilled and never offered as choices.
    #[test]
    fn no_phrase_is_offered_for_what_a_party_says() {
        for (form, key) in
            [("W03", "remark"), ("W04", "remark"), ("W03", "statement"), ("W04", "answers")]
        {
            assert_eq!(typed_into(form, key), TypedInto::default(), "{form} {key}");
        }
        for form in ["W03", "W04", "W25"] {
            for key in ["place", "recusal", "remark", "content", "acts", "relation", "id_number"] {
                let kinds = typed_into(form, key).about;
                assert!(!kinds.split(' ').any(|kind| kind == "stance"), "{form} {key}");
            }
        }
    }

    #[test]
    fn numbers_of_persons_and_telephones_take_digits() {
        for key in ["id_number", "present_id", "phone", "subject_phone", "birth"] {
            assert!(typed_into("W04", key).number, "{key}");
        }
        assert!(!typed_into("W04", "place").number);
    }
}
