//! What a new document repeals ends on the day before it begins.
//!
//! Only what is named ends: by number, else by title. A document that names nothing ends nothing, however
//! alike it looks, because two regions' rules and a rule with its interpretation look alike too.

use super::{Document, fold};

/// Ends documents that later ones repeal. Answers (ended, by) as (number or title, number or title).
pub fn close_replaced(documents: &mut [Document]) -> Vec<(String, String)> {
    let mut ended = Vec::new();
    let acts: Vec<(usize, i64, String, Vec<String>)> = documents
        .iter()
        .enumerate()
        .filter_map(|(n, d)| {
            Some((n, d.begin?, name(d), d.replaces.iter().map(|r| fold(r)).collect()))
        })
        .collect();
    for (by, begin, by_name, replaces) in acts {
        for (n, document) in documents.iter_mut().enumerate() {
            let named = replaces.iter().any(|r| {
                !r.is_empty() && (*r == fold(&document.number) || *r == fold(&document.title))
            });
            // A later version may carry the title of the one that it repeals.
            let earlier = document.begin.is_none_or(|b| b < begin);
            let last = begin.saturating_sub(1);
            if n != by && named && earlier && document.end.is_none_or(|end| end > last) {
                document.end = Some(last);
                document.replaced_by.clone_from(&by_name);
                ended.push((name(document), by_name.clone()));
            }
        }
    }
    ended
}

/// Title with number.
fn name(document: &Document) -> String {
    match (document.title.as_str(), document.number.as_str()) {
        (title, "") => title.to_owned(),
        ("", number) => number.to_owned(),
        (title, number) => format!("《{title}》({number})"),
    }
}
