//! Knowledge lists of the packs in force as parts of a composed rule.
//!
//! What a list says is known by the rule of the pack that uses it: items that exclude each other, a limit for each
//! item, or for whom an item is meant. A composed rule may take the list at its word with another window or for
//! other visits ([`Pattern::Listed`](super::Pattern)), or take nothing but its items.

use serde::{Deserialize, Serialize};
use spotcheck_domain::words;

use super::{Measured, Stretch, lacking};
use crate::error::Result;
use crate::pack::{KernelId, Matcher, Pack, Rule};

words!(
    /// What a list says of its items.
    ListKind {
        /// Which exclude each other.
        Pair = "pair", "互斥项目";
        /// How many or how much of each.
        Limit = "limit", "限量";
        /// For whom, where or for what each is meant.
        Attribute = "attribute", "限定条件";
        /// Nothing that a composed rule can use: their names alone.
        Items = "items", "项目";
    }
);

/// A list that was chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPick {
    /// As the pack names it, e.g. `B01`.
    pub name: String,
    /// Name of the rule that uses it.
    pub words: String,
    /// What it says.
    pub kind: ListKind,
    /// The attribute of [`ListKind::Attribute`], e.g. `sex`; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub attribute: String,
}

/// What a rule says about the list that it uses; `None` if it does not use it.
fn said(rule: &Rule, list: &str) -> Option<(ListKind, String)> {
    let u = &rule.usage;
    let own = u.list.as_deref() == Some(list);
    let mut selectors = [&u.items, &u.other].into_iter().flatten();
    let items = selectors.any(|s| s.list.as_deref() == Some(list));
    if !own && !items {
        return None;
    }
    let kind = match (rule.kernel, u.form.as_str()) {
        (KernelId::K2, "pair") if own => ListKind::Pair,
        (KernelId::K3, "sum") if own && u.cap.as_deref() == Some("point") => ListKind::Limit,
        (KernelId::K1, "line") if own => ListKind::Attribute,
        // Diagnoses and operations are no items.
        (KernelId::K1, _) => return None,
        _ => ListKind::Items,
    };
    let attribute = match kind {
        ListKind::Attribute => u.attribute.clone().unwrap_or_default(),
        _ => String::new(),
    };
    Some((kind, attribute))
}

/// The list as the pack in force knows it now; what says most of it counts.
fn known(base: &Pack, name: &str) -> Option<ListPick> {
    let rules = base.rules.iter().filter_map(|r| Some((said(r, name)?, r)));
    let ((kind, attribute), rule) = rules.min_by_key(|((kind, _), r)| (*kind, r.id.clone()))?;
    Some(ListPick { name: name.to_owned(), words: rule.name.clone(), kind, attribute })
}

/// Lists with points in them, by name: (the list, number of its points).
#[must_use]
pub fn lists(base: &Pack) -> Vec<(ListPick, usize)> {
    let loaded = base.knowledge.iter().filter(|(_, k)| !k.points.is_empty());
    loaded.filter_map(|(name, k)| Some((known(base, name)?, k.points.len()))).collect()
}

fn cell(matcher: &Matcher) -> String {
    match matcher {
        Matcher::Code(code) => code.clone(),
        Matcher::Prefix(prefix) => format!("{prefix}*"),
        Matcher::Words(words) => format!("~{}", words.join("&")),
    }
}

impl ListPick {
    /// Its items as knowledge points name them.
    pub(super) fn cells(&self, base: &Pack) -> Result<Vec<String>> {
        let points =
            base.knowledge.get(&self.name).map(|k| k.points.as_slice()).unwrap_or_default();
        if points.is_empty() {
            return Err(self.empty());
        }
        Ok(points.iter().map(|p| cell(&p.code)).collect())
    }

    fn empty(&self) -> crate::error::Error {
        lacking("list", &format!("清单 {} 在现行规则包中没有内容", self.name))
    }

    /// The pack in force has the list, and it still says the same.
    pub(super) fn fits(&self, base: &Pack) -> Result<()> {
        if base.knowledge.get(&self.name).is_none_or(|k| k.points.is_empty()) {
            return Err(self.empty());
        }
        if self.kind == ListKind::Items {
            return Err(lacking(
                "list",
                &format!("清单 {} 只列了项目，不能单独成为规则", self.name),
            ));
        }
        let now = known(base, &self.name);
        if now.is_none_or(|n| (n.kind, &n.attribute) != (self.kind, &self.attribute)) {
            return Err(lacking("list", &format!("清单 {} 的用法与现行规则包不同", self.name)));
        }
        Ok(())
    }

    pub(super) fn sentence(&self, stretch: Stretch, measured: Measured) -> String {
        let list = format!("清单“{} {}”", self.name, self.words);
        match self.kind {
            ListKind::Pair => format!("{}同时收了{list}里互斥的两个项目", stretch.zh()),
            ListKind::Limit => {
                format!("{}每个项目的{}超过{list}的限量", stretch.zh(), measured.zh())
            }
            ListKind::Attribute => format!("收了{list}里的项目，不符合清单的限定条件"),
            ListKind::Items => format!("{list}只列了项目"),
        }
    }

    /// Kernel, `use` and the statement of fact.
    pub(super) fn usage(
        &self,
        stretch: Stretch,
        measured: Measured,
        scope: &str,
    ) -> (&'static str, String, &'static str) {
        let list = super::quoted(&self.name);
        let window = stretch.as_str();
        match self.kind {
            ListKind::Limit => (
                "K3",
                format!(
                    "form = \"sum\", list = {list}, window = \"{window}\", cap = \"point\", measure = \"{}\", per = \"code\"{scope}",
                    measured.as_str()
                ),
                "{item}合计{qty}，上限{cap}，超出{excess}",
            ),
            ListKind::Attribute => (
                "K1",
                format!(
                    "form = \"line\", attribute = {}, list = {list}{scope}",
                    super::quoted(&self.attribute)
                ),
                "{item}计{count}条，登记为{value}",
            ),
            ListKind::Pair | ListKind::Items => (
                "K2",
                format!("form = \"pair\", list = {list}, window = \"{window}\"{scope}"),
                "{item}与{item_b}同时计费{count}条",
            ),
        }
    }
}
