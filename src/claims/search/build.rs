//! Building the search tables of a package.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params};
use spotcheck_domain::claims::Instant;

use super::posting::{Lists, TABLE};
use super::{Of, fold, forms, initials, pieces, tails};
use crate::error::{Error, Result};

/// What the visits of a package say about one person.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) visits: i64,
    pub(crate) last: Option<Instant>,
    pub(crate) bed: Option<(i64, String)>,
    pub(crate) numbers: Vec<String>,
}

impl Seen {
    /// Adds one visit.
    pub(crate) fn visit(
        &mut self,
        begin: Option<Instant>,
        bed: Option<String>,
        numbers: [&str; 2],
    ) {
        self.visits = self.visits.saturating_add(1);
        self.last = crate::partition::later(self.last, begin);
        let at = begin.map_or(i64::MIN, |b| b.at.seconds());
        if let Some(bed) = bed
            && self.bed.as_ref().is_none_or(|(known, _)| *known <= at)
        {
            self.bed = Some((at, bed));
        }
        for number in numbers {
            if !number.is_empty() && !self.numbers.iter().any(|n| n == number) {
                self.numbers.push(number.to_owned());
            }
        }
    }
}

const TABLES: &str = "
CREATE TABLE person_search (
  rank INTEGER PRIMARY KEY, psn_no TEXT NOT NULL, psn_name TEXT NOT NULL, gend TEXT,
  brdy INTEGER, brdy_p TEXT, certno TEXT, insutype TEXT, visits INTEGER NOT NULL,
  last_visit INTEGER, last_visit_p TEXT, bed TEXT, other_names TEXT, numbers TEXT
) STRICT;
CREATE TABLE item_search (
  rank INTEGER PRIMARY KEY, med_list_codg TEXT NOT NULL, hilist_name TEXT NOT NULL, list_type TEXT,
  fee_lines INTEGER NOT NULL, amount INTEGER NOT NULL, other_names TEXT
) STRICT;
CREATE TABLE staff_search (
  rank INTEGER PRIMARY KEY, prac_psn_code TEXT NOT NULL, prac_psn_name TEXT NOT NULL,
  prac_psn_type TEXT, hosp_dept_name TEXT
) STRICT;";

/// One person before ranking.
struct Person {
    psn_no: String,
    name: String,
    gend: Option<String>,
    brdy: Option<i64>,
    brdy_p: Option<String>,
    certno: Option<String>,
    insutype: Option<String>,
    tel: Option<String>,
    others: Vec<String>,
}

/// Builds all search tables. `seen` is keyed by the `dict` id of `psn_no`.
pub(crate) fn build(db: &Connection, seen: &HashMap<i64, Seen>) -> Result<()> {
    db.execute_batch(TABLE).map_err(Error::sql("gram"))?;
    db.execute_batch(TABLES).map_err(Error::sql("search"))?;
    let mut lists = Lists::default();
    persons(db, seen, &mut lists)?;
    items(db, &mut lists)?;
    staff(db, &mut lists)?;
    lists.store(db)
}

fn persons(db: &Connection, seen: &HashMap<i64, Seen>, lists: &mut Lists) -> Result<()> {
    let sql = Error::sql;
    // Newest visit first; persons without a visit behind all others; ties by number, to be deterministic.
    let mut order: Vec<(std::cmp::Reverse<i64>, String, i64)> = Vec::new();
    {
        let mut text =
            db.prepare("SELECT text FROM dict WHERE id = ?1").map_err(sql("person_search"))?;
        let mut known: std::collections::HashSet<i64> = std::collections::HashSet::new();
        let mut add = |id: i64| -> Result<()> {
            if known.insert(id) {
                let number = text.query_row([id], |r| r.get(0)).map_err(sql("person_search"))?;
                let last = seen.get(&id).and_then(|s| s.last);
                let last = last.map_or(i64::MIN, |l| l.at.seconds());
                order.push((std::cmp::Reverse(last), number, id));
            }
            Ok(())
        };
        for id in seen.keys() {
            add(*id)?;
        }
        let mut all = db.prepare("SELECT psn_no FROM psn").map_err(sql("psn"))?;
        let mut rows = all.query([]).map_err(sql("psn"))?;
        while let Some(row) = rows.next().map_err(sql("psn"))? {
            add(row.get(0).map_err(sql("psn"))?)?;
        }
    }
    order.sort();
    let mut find = db
        .prepare(
            "SELECT p.psn_name, g.text, p.brdy, p.brdy_p, p.certno, i.text, p.tel FROM psn p
             LEFT JOIN dict g ON g.id = p.gend LEFT JOIN dict i ON i.id = p.insutype
             WHERE p.psn_no = ?1 ORDER BY p.dup_no",
        )
        .map_err(sql("psn"))?;
    let mut insert = db
        .prepare(
            "INSERT INTO person_search VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
        )
        .map_err(sql("person_search"))?;
    let none = Seen::default();
    for (n, (_, psn_no, id)) in order.into_iter().enumerate() {
        let mut person: Option<Person> = None;
        let mut rows = find.query([id]).map_err(sql("psn"))?;
        while let Some(row) = rows.next().map_err(sql("psn"))? {
            let read = || -> rusqlite::Result<Person> {
                Ok(Person {
                    psn_no: psn_no.clone(),
                    name: row.get::<_, Option<String>>(0)?.unwrap_or_default(),
                    gend: row.get(1)?,
                    brdy: row.get(2)?,
                    brdy_p: row.get(3)?,
                    certno: row.get(4)?,
                    insutype: row.get(5)?,
                    tel: row.get(6)?,
                    others: Vec::new(),
                })
            };
            let next = read().map_err(sql("psn"))?;
            match &mut person {
                None => person = Some(next),
                Some(first) if first.name != next.name => first.others.push(next.name),
                Some(_) => {}
            }
        }
        let person = person.unwrap_or_else(|| Person {
            psn_no: psn_no.clone(),
            name: String::new(),
            gend: None,
            brdy: None,
            brdy_p: None,
            certno: None,
            insutype: None,
            tel: None,
            others: Vec::new(),
        });
        let seen = seen.get(&id).unwrap_or(&none);
        let rank = u64::try_from(n).unwrap_or(0).saturating_add(1);
        person_pieces(&person, seen, rank, lists);
        let mut numbers: Vec<&str> = person.tel.iter().map(String::as_str).collect();
        numbers.extend(seen.numbers.iter().map(String::as_str));
        let joined = |list: &[&str]| (!list.is_empty()).then(|| list.join("\n"));
        let others: Vec<&str> = person.others.iter().map(String::as_str).collect();
        insert
            .execute(params![
                i64::try_from(rank).unwrap_or(i64::MAX),
                person.psn_no,
                person.name,
                person.gend,
                person.brdy,
                person.brdy_p,
                person.certno,
                person.insutype,
                seen.visits,
                seen.last.map(|l| l.at.seconds()),
                seen.last.map(|l| l.p.letter()),
                seen.bed.as_ref().map(|(_, bed)| bed),
                joined(&others),
                joined(&numbers),
            ])
            .map_err(sql("person_search"))?;
    }
    Ok(())
}

fn person_pieces(person: &Person, seen: &Seen, rank: u64, lists: &mut Lists) {
    let names = std::iter::once(&person.name).chain(&person.others);
    for name in names {
        pieces(Of::PersonName, &fold(name), |p| lists.add(Of::PersonName, p, rank));
        let forms = forms(name);
        for form in &forms.initials {
            pieces(Of::PersonInitials, form, |p| lists.add(Of::PersonInitials, p, rank));
        }
        for form in &forms.full {
            pieces(Of::PersonPinyin, form, |p| lists.add(Of::PersonPinyin, p, rank));
        }
    }
    let own = [Some(&person.psn_no), person.certno.as_ref(), person.tel.as_ref()];
    for number in own.into_iter().flatten().chain(&seen.numbers) {
        tails(&fold(number), |p| lists.add(Of::PersonTail, p, rank));
    }
    if let Some((_, bed)) = &seen.bed {
        pieces(Of::PersonBed, &fold(bed), |p| lists.add(Of::PersonBed, p, rank));
    }
}

#[derive(Default)]
struct Item {
    names: BTreeMap<String, i64>,
    list_type: Option<String>,
    lines: i64,
    amount: i64,
}

fn items(db: &Connection, lists: &mut Lists) -> Result<()> {
    let sql = Error::sql;
    let mut found: BTreeMap<String, Item> = BTreeMap::new();
    {
        // Grouping by integers over the fee lines; texts are looked up per group.
        let mut groups = db
            .prepare(
                "SELECT c.text, h.text, m.text, t.text, g.n, g.amount FROM (
                   SELECT COALESCE(med_list_codg, medins_list_codg) AS code, hilist_name AS h,
                     medins_list_name AS m, list_type AS t, COUNT(*) AS n,
                     SUM(COALESCE(det_item_fee_sumamt, 0)) AS amount
                   FROM fee_list_d GROUP BY 1, 2, 3, 4) g
                 LEFT JOIN dict c ON c.id = g.code LEFT JOIN dict h ON h.id = g.h
                 LEFT JOIN dict m ON m.id = g.m LEFT JOIN dict t ON t.id = g.t",
            )
            .map_err(sql("fee_list_d"))?;
        let mut rows = groups.query([]).map_err(sql("fee_list_d"))?;
        while let Some(row) = rows.next().map_err(sql("fee_list_d"))? {
            let text = |n: usize| row.get::<_, Option<String>>(n).map_err(sql("fee_list_d"));
            let number = |n: usize| row.get::<_, i64>(n).map_err(sql("fee_list_d"));
            let item = found.entry(text(0)?.unwrap_or_default()).or_default();
            for name in [text(1)?, text(2)?].into_iter().flatten() {
                let lines = item.names.entry(name).or_default();
                *lines = lines.saturating_add(number(4)?);
            }
            item.list_type = item.list_type.take().or(text(3)?);
            item.lines = item.lines.saturating_add(number(4)?);
            item.amount = item.amount.saturating_add(number(5)?);
        }
        let mut listed = db
            .prepare("SELECT med_list_codg, hilist_name, list_type FROM v_catalogue")
            .map_err(sql("catalogue"))?;
        let mut rows = listed.query([]).map_err(sql("catalogue"))?;
        while let Some(row) = rows.next().map_err(sql("catalogue"))? {
            let text = |n: usize| row.get::<_, Option<String>>(n).map_err(sql("catalogue"));
            let item = found.entry(text(0)?.unwrap_or_default()).or_default();
            if let Some(name) = text(1)? {
                item.names.entry(name).or_default();
            }
            item.list_type = item.list_type.take().or(text(2)?);
        }
    }
    let mut order: Vec<(String, Item)> = found.into_iter().collect();
    order.sort_by(|a, b| (b.1.amount, b.1.lines, &a.0).cmp(&(a.1.amount, a.1.lines, &b.0)));
    let mut insert = db
        .prepare("INSERT INTO item_search VALUES (?1,?2,?3,?4,?5,?6,?7)")
        .map_err(sql("item_search"))?;
    for (n, (code, item)) in order.iter().enumerate() {
        let rank = u64::try_from(n).unwrap_or(0).saturating_add(1);
        // The commonest name stands for the item; the others are searched too.
        let mut names: Vec<(&String, &i64)> = item.names.iter().collect();
        names.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
        let names: Vec<&str> = names.into_iter().map(|(n, _)| n.as_str()).collect();
        for name in &names {
            pieces(Of::ItemName, &fold(name), |p| lists.add(Of::ItemName, p, rank));
            pieces(Of::ItemInitials, &initials(name), |p| lists.add(Of::ItemInitials, p, rank));
        }
        pieces(Of::ItemCode, &fold(code), |p| lists.add(Of::ItemCode, p, rank));
        let (main, others) = names.split_first().map_or(("", &[][..]), |(m, o)| (*m, o));
        let others = (!others.is_empty()).then(|| others.join("\n"));
        insert
            .execute(params![
                i64::try_from(rank).unwrap_or(i64::MAX),
                code,
                main,
                item.list_type,
                item.lines,
                item.amount,
                others
            ])
            .map_err(sql("item_search"))?;
    }
    Ok(())
}

fn staff(db: &Connection, lists: &mut Lists) -> Result<()> {
    let sql = Error::sql;
    let mut all = db
        .prepare(
            "SELECT s.prac_psn_code, s.prac_psn_name, s.prac_psn_type,
               (SELECT d.hosp_dept_name FROM v_dept d WHERE d.hosp_dept_codg = s.hosp_dept_codg
                LIMIT 1)
             FROM v_staff s ORDER BY 2, 1",
        )
        .map_err(sql("staff"))?;
    let mut insert = db
        .prepare("INSERT INTO staff_search VALUES (?1,?2,?3,?4,?5)")
        .map_err(sql("staff_search"))?;
    let mut rows = all.query([]).map_err(sql("staff"))?;
    let mut rank = 0_u64;
    while let Some(row) = rows.next().map_err(sql("staff"))? {
        let text = |n: usize| row.get::<_, Option<String>>(n).map_err(sql("staff"));
        let (code, name) = (text(0)?.unwrap_or_default(), text(1)?.unwrap_or_default());
        rank = rank.saturating_add(1);
        pieces(Of::StaffName, &fold(&name), |p| lists.add(Of::StaffName, p, rank));
        let forms = forms(&name);
        for form in &forms.initials {
            pieces(Of::StaffInitials, form, |p| lists.add(Of::StaffInitials, p, rank));
        }
        for form in &forms.full {
            pieces(Of::StaffPinyin, form, |p| lists.add(Of::StaffPinyin, p, rank));
        }
        pieces(Of::StaffCode, &fold(&code), |p| lists.add(Of::StaffCode, p, rank));
        insert
            .execute(params![
                i64::try_from(rank).unwrap_or(i64::MAX),
                code,
                name,
                text(2)?,
                text(3)?
            ])
            .map_err(sql("staff_search"))?;
    }
    Ok(())
}
