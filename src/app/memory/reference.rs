//! Reference data of the twins: a list of entries, searched by reading all of them.

use spotcheck_domain::reference::{
    EntryKind, KindHits, Match, ReferenceDocument, ReferenceEntry, ReferenceHit, ReferenceQuery,
    ReferenceReader, SourceReport, in_force,
};
use spotcheck_domain::time::day_number;
use spotcheck_domain::{ClockReading, TaskId, TroubleResult};

use crate::ports::{KeyRing, References};
use crate::reference::AddedSource;

/// A file of reference data.
#[derive(Debug, Clone, Default)]
pub struct MemoryReference(pub Vec<ReferenceEntry>);

fn held(hit: &ReferenceHit, on: i64) -> bool {
    let day = |text: &Option<String>| text.as_deref().and_then(day_number);
    in_force(day(&hit.begin), day(&hit.end), on)
}

fn matched(entry: &ReferenceEntry, text: &str) -> Option<Match> {
    let head = &entry.head;
    if head.code.as_deref() == Some(text) {
        Some(Match::Code)
    } else if head.title.starts_with(text) {
        Some(Match::Start)
    } else if head.title.contains(text) {
        Some(Match::Title)
    } else {
        entry.text.contains(text).then_some(Match::Text)
    }
}

impl ReferenceReader for MemoryReference {
    fn look_up(&self, query: &ReferenceQuery<'_>) -> TroubleResult<Vec<KindHits>> {
        let mut kinds = Vec::new();
        for kind in EntryKind::ALL {
            let wanted = query.kinds.is_empty() || query.kinds.contains(kind);
            let of_kind = self.0.iter().filter(|e| wanted && e.head.kind == *kind);
            let mut hits: Vec<ReferenceHit> = of_kind
                .filter(|e| query.on.is_none_or(|on| held(&e.head, on)))
                .filter_map(|e| Some((matched(e, query.text)?, e)))
                .map(|(matched, e)| ReferenceHit { matched, ..e.head.clone() })
                .collect();
            hits.sort_by_key(|hit| hit.matched);
            let skip = usize::try_from(query.page.offset).unwrap_or(usize::MAX);
            let limit = usize::try_from(query.page.limit).unwrap_or(usize::MAX);
            let more = hits.len() > skip.saturating_add(limit);
            let hits: Vec<ReferenceHit> = hits.into_iter().skip(skip).take(limit).collect();
            if !hits.is_empty() {
                kinds.push(KindHits { kind: *kind, hits, more });
            }
        }
        Ok(kinds)
    }

    fn entry(&self, id: &str) -> TroubleResult<Option<ReferenceEntry>> {
        Ok(self.0.iter().find(|e| e.head.id == id).cloned())
    }

    fn by_code(&self, code: &str) -> TroubleResult<Vec<ReferenceHit>> {
        let of_code = self.0.iter().filter(|e| e.head.code.as_deref() == Some(code));
        Ok(of_code.map(|e| e.head.clone()).collect())
    }

    fn articles(&self, title: &str, article: &str) -> TroubleResult<Vec<ReferenceHit>> {
        let named = |e: &&ReferenceEntry| {
            e.head.title == title && e.head.article.as_deref() == Some(article)
        };
        Ok(self.0.iter().filter(named).map(|e| e.head.clone()).collect())
    }

    fn documents(&self) -> TroubleResult<Vec<ReferenceDocument>> {
        Ok(self.0.iter().filter_map(|e| e.document.clone()).collect())
    }
}

/// Nothing came from the centre; what is added is counted and answers nothing.
#[derive(Debug, Default)]
pub struct MemoryReferences {
    added: u64,
}

impl References for MemoryReferences {
    fn of_package(
        &mut self,
        _task: &TaskId,
        _keys: &dyn KeyRing,
        _at: &ClockReading,
        _checked: &str,
    ) -> TroubleResult<Option<Box<dyn ReferenceReader>>> {
        Ok(None)
    }

    fn added(&mut self) -> TroubleResult<Option<Box<dyn ReferenceReader>>> {
        if self.added == 0 {
            return Ok(None);
        }
        Ok(Some(Box::new(MemoryReference::default())))
    }

    fn add(&mut self, source: &AddedSource) -> TroubleResult<SourceReport> {
        self.added = self.added.saturating_add(1);
        let taken = [("article".to_owned(), 1)].into_iter().collect();
        let sha256 = "0a".repeat(32);
        Ok(SourceReport { file: source.name.clone(), sha256, taken, ..SourceReport::default() })
    }
}
