//! Items of both sides under one number: by national code, by the facility's own code, or by name.
//!
//! What the export has decides. With national codes a row without one (items the system has not mapped)
//! takes the code that the upload gives its own code or name, where that is only one.

use std::collections::HashMap;

use spotcheck_domain::grid::Grid;

use super::uploaded::{Line, Uploaded};
use super::value::{self, Id};
use super::{Field, Pairing};

/// By what items are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Code,
    Local,
    Name,
}

/// Numbers of items and of names.
pub(super) struct Items {
    link: Link,
    /// Names are those of the facility (`medins_list_name`), not of the catalogue.
    local_names: bool,
    numbers: HashMap<String, u32>,
    /// Of the upload: own code or name to the one code that goes with it.
    by_local: HashMap<String, Option<String>>,
    by_name: HashMap<String, Option<String>>,
    memo: HashMap<[u32; 4], (u32, [u32; 3])>,
}

fn code_of(text: &str) -> Option<String> {
    match value::id(text) {
        Id::Is(id) => Some(id),
        _ => None,
    }
}

impl Items {
    pub(super) fn new(uploaded: &Uploaded, pairing: &Pairing, local_names: bool) -> Self {
        let has = |field: Field| pairing.contains_key(&field);
        let link = if has(Field::ItemCode) {
            Link::Code
        } else if has(Field::LocalCode) {
            Link::Local
        } else {
            Link::Name
        };
        let mut items = Self {
            link,
            local_names,
            numbers: HashMap::new(),
            by_local: HashMap::new(),
            by_name: HashMap::new(),
            memo: HashMap::new(),
        };
        if link == Link::Code {
            let mut seen = std::collections::BTreeSet::new();
            for line in &uploaded.lines {
                if !seen.insert((line.code, line.local, line.name, line.local_name)) {
                    continue;
                }
                let Some(code) = code_of(uploaded.text(line.code)) else { continue };
                if let Some(local) = code_of(uploaded.text(line.local)) {
                    only(&mut items.by_local, local, &code);
                }
                for name in [line.name, line.local_name] {
                    let name = value::name(uploaded.text(name));
                    if !name.is_empty() {
                        only(&mut items.by_name, name, &code);
                    }
                }
            }
        }
        items
    }

    pub(super) const fn link(&self) -> Link {
        self.link
    }

    fn number(&mut self, key: String) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX).saturating_add(1);
        *self.numbers.entry(key).or_insert(next)
    }

    fn name(&mut self, text: &str) -> u32 {
        let name = value::name(text);
        if name.is_empty() { 0 } else { self.number(format!("n{name}")) }
    }

    fn local(&mut self, text: &str) -> u32 {
        code_of(text).map_or(0, |code| self.number(format!("l{code}")))
    }

    fn item(&mut self, code: Option<String>, local: Option<String>, name: &str) -> u32 {
        let name = value::name(name);
        let by_name = |name: &str| format!("n{name}");
        let key = match (self.link, code, local) {
            (Link::Code, Some(code), _) => format!("c{code}"),
            (Link::Code, None, local) => {
                let known = local.as_ref().and_then(|l| self.by_local.get(l).cloned().flatten());
                let known = known.or_else(|| self.by_name.get(&name).cloned().flatten());
                known.map_or_else(|| by_name(&name), |code| format!("c{code}"))
            }
            (Link::Local, _, Some(local)) => format!("l{local}"),
            _ => by_name(&name),
        };
        self.number(key)
    }

    /// Item and names of a line of the upload.
    pub(super) fn of_line(&mut self, uploaded: &Uploaded, line: &Line) -> (u32, [u32; 3]) {
        let key = [line.code, line.local, line.name, line.local_name];
        if let Some(found) = self.memo.get(&key) {
            return *found;
        }
        let (name, local_name) = (uploaded.text(line.name), uploaded.text(line.local_name));
        let compared = match (self.local_names, local_name.is_empty(), name.is_empty()) {
            (true, false, _) | (false, _, true) => local_name,
            _ => name,
        };
        let code = code_of(uploaded.text(line.code));
        let local = code_of(uploaded.text(line.local));
        let item = self.item(code, local, compared);
        let local = self.local(uploaded.text(line.local));
        let found = (item, [self.name(name), self.name(local_name), local]);
        self.memo.insert(key, found);
        found
    }

    /// Item and names of a row of the export.
    pub(super) fn of_row(&mut self, grid: &Grid, pairing: &Pairing, row: usize) -> (u32, [u32; 3]) {
        let cell = |field: Field| pairing.get(&field).map_or("", |c| grid.cell(row, *c));
        let name = cell(Field::ItemName);
        let item = self.item(code_of(cell(Field::ItemCode)), code_of(cell(Field::LocalCode)), name);
        (item, [self.name(name), self.local(cell(Field::LocalCode)), 0])
    }
}

fn only(map: &mut HashMap<String, Option<String>>, key: String, code: &str) {
    map.entry(key)
        .and_modify(|known| {
            if known.as_deref() != Some(code) {
                *known = None;
            }
        })
        .or_insert_with(|| Some(code.to_owned()));
}
