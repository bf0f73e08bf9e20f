//! Answering a query from the search tables.

use rusqlite::{Connection, Row, params};
use spotcheck_domain::claims::{Instant, ItemHit, Page, PersonHit, StaffHit};
use spotcheck_domain::{Amount, BeijingTime, Precision};

use super::posting::{All, Any, Checked, Everything, Ranks, Stream, Within};
use super::{Of, TAIL, fold, forms, initials, pieces};
use crate::error::{Error, Result};

/// Texts of a row that a long query is compared with, by kind.
pub(crate) type Texts<'a> = Box<dyn Fn(Of, u64) -> Result<Vec<String>> + 'a>;

/// Ranks whose text of kind `of` contains `query`.
fn containing<'a>(
    db: &'a Connection,
    of: Of,
    query: &str,
    texts: &'a Texts<'a>,
) -> Box<dyn Ranks + 'a> {
    containing_within(db, of, query, texts, (0, u64::MAX))
}

/// As [`containing`], from one rank to another; nothing beyond them is looked at.
pub(crate) fn containing_within<'a>(
    db: &'a Connection,
    of: Of,
    query: &str,
    texts: &'a Texts<'a>,
    (first, last): (u64, u64),
) -> Box<dyn Ranks + 'a> {
    let longest = of.piece();
    if query.chars().count() <= longest {
        return Box::new(Within(Box::new(Stream::new(db, of, query)), first, last));
    }
    let mut distinct: Vec<String> = Vec::new();
    pieces(of, query, |piece| {
        if piece.chars().count() == longest && !distinct.iter().any(|d| d == piece) {
            distinct.push(piece.to_owned());
        }
    });
    let members = distinct.iter().map(|piece| {
        let member: Box<dyn Ranks + 'a> = Box::new(Stream::new(db, of, piece));
        member
    });
    let members: Vec<Box<dyn Ranks + 'a>> = members.collect();
    let query = query.to_owned();
    let test = move |rank| Ok(texts(of, rank)?.iter().any(|t| t.contains(&query)));
    let member = Box::new(Within(Box::new(All(members)), first, last));
    Box::new(Checked { member, test: Box::new(test), known: None })
}

/// Ranks with a number that ends in `query`.
fn ending<'a>(
    db: &'a Connection,
    of: Of,
    query: &str,
    texts: &'a Texts<'a>,
) -> Box<dyn Ranks + 'a> {
    let count = query.chars().count();
    if count <= TAIL {
        return Box::new(Stream::new(db, of, query));
    }
    let last: String = query.chars().skip(count.saturating_sub(TAIL)).collect();
    let query = query.to_owned();
    let test = move |rank| Ok(texts(of, rank)?.iter().any(|t| t.ends_with(&query)));
    let member = Box::new(Stream::new(db, of, &last));
    Box::new(Checked { member, test: Box::new(test), known: None })
}

/// One page of ranks.
fn page(ranks: &mut dyn Ranks, page: Page) -> Result<Vec<u64>> {
    let (mut from, mut skip, mut found) = (1_u64, page.offset, Vec::new());
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    while found.len() < limit {
        let Some(rank) = ranks.at_least(from)? else { break };
        if skip == 0 {
            found.push(rank);
        } else {
            skip = skip.saturating_sub(1);
        }
        from = rank.saturating_add(1);
    }
    Ok(found)
}

fn count(db: &Connection, table: &'static str) -> Result<u64> {
    let sql = format!("SELECT COALESCE(MAX(rank), 0) FROM {table}");
    let n: i64 = db.query_row(&sql, [], |r| r.get(0)).map_err(Error::sql(table))?;
    Ok(n.unsigned_abs())
}

fn rows<T>(
    db: &Connection,
    table: &'static str,
    ranks: &[u64],
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut find = db
        .prepare_cached(&format!("SELECT * FROM {table} WHERE rank = ?1"))
        .map_err(Error::sql(table))?;
    ranks
        .iter()
        .map(|rank| {
            let rank = i64::try_from(*rank).unwrap_or(i64::MAX);
            find.query_row(params![rank], |r| read(r)).map_err(Error::sql(table))
        })
        .collect()
}

fn instant(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Instant>> {
    let seconds: Option<i64> = row.get(at)?;
    let letter: Option<String> = row.get(at.saturating_add(1))?;
    let p = letter.as_deref().and_then(Precision::from_letter).unwrap_or(Precision::Day);
    Ok(seconds.map(|s| Instant { at: BeijingTime::from_seconds(s), p }))
}

fn lines(text: Option<String>) -> Vec<String> {
    text.map(|t| t.split('\n').map(str::to_owned).collect()).unwrap_or_default()
}

/// Persons one of whose forms has `query` in it.
fn person_forms<'a>(
    db: &'a Connection,
    query: &str,
    texts: &'a Texts<'a>,
) -> Vec<Box<dyn Ranks + 'a>> {
    let mut any = vec![
        containing(db, Of::PersonName, query, texts),
        containing(db, Of::PersonBed, query, texts),
    ];
    if query.is_ascii() {
        any.push(containing(db, Of::PersonInitials, query, texts));
        any.push(containing(db, Of::PersonPinyin, query, texts));
        any.push(ending(db, Of::PersonTail, query, texts));
    }
    any
}

/// Persons by any of their forms, newest visit first; several words narrow each other.
pub(crate) fn persons(db: &Connection, query: &str, wanted: Page) -> Result<Vec<PersonHit>> {
    let words: Vec<String> =
        query.split_whitespace().map(fold).filter(|word| !word.is_empty()).collect();
    let query = fold(query);
    let texts: Texts<'_> = Box::new(|of, rank| {
        let rank = i64::try_from(rank).unwrap_or(i64::MAX);
        let mut find = db
            .prepare_cached(
                "SELECT psn_name, other_names, psn_no, certno, numbers, bed FROM person_search
                 WHERE rank = ?1",
            )
            .map_err(Error::sql("person_search"))?;
        find.query_row([rank], |r| {
            let mut names = vec![r.get::<_, String>(0)?];
            names.extend(lines(r.get(1)?));
            Ok(match of {
                Of::PersonName => names.iter().map(|n| fold(n)).collect(),
                Of::PersonInitials => names.iter().flat_map(|n| forms(n).initials).collect(),
                Of::PersonPinyin => names.iter().flat_map(|n| forms(n).full).collect(),
                Of::PersonBed => lines(r.get(5)?).iter().map(|b| fold(b)).collect(),
                _ => {
                    let mut numbers = vec![r.get::<_, String>(2)?];
                    numbers.extend(r.get::<_, Option<String>>(3)?);
                    numbers.extend(lines(r.get(4)?));
                    numbers.iter().map(|n| fold(n)).collect()
                }
            })
        })
        .map_err(Error::sql("person_search"))
    });
    let ranks = if query.is_empty() {
        page(&mut Everything(count(db, "person_search")?), wanted)?
    } else {
        let mut any = person_forms(db, &query, &texts);
        // Several words narrow each other: surname and bed, initials and last digits.
        if words.len() > 1 {
            let each = words.iter().map(|word| {
                let any: Box<dyn Ranks + '_> = Box::new(Any(person_forms(db, word, &texts)));
                any
            });
            any.push(Box::new(All(each.collect())));
        }
        page(&mut Any(any), wanted)?
    };
    rows(db, "person_search", &ranks, |r| {
        Ok(PersonHit {
            psn_no: r.get(1)?,
            psn_name: r.get(2)?,
            gend: r.get(3)?,
            brdy: instant(r, 4)?,
            certno: r.get(6)?,
            insutype: r.get(7)?,
            visits: r.get::<_, i64>(8)?.unsigned_abs(),
            last_visit: instant(r, 9)?,
            bed: r.get(11)?,
        })
    })
}

/// Items by name, initials or code, largest amount first.
pub(crate) fn items(db: &Connection, query: &str, wanted: Page) -> Result<Vec<ItemHit>> {
    let query = fold(query);
    let texts: Texts<'_> = Box::new(|of, rank| {
        let rank = i64::try_from(rank).unwrap_or(i64::MAX);
        db.prepare_cached(
            "SELECT hilist_name, other_names, med_list_codg FROM item_search WHERE rank = ?1",
        )
        .and_then(|mut s| {
            s.query_row([rank], |r| {
                let mut names = vec![r.get::<_, String>(0)?];
                names.extend(lines(r.get(1)?));
                Ok(match of {
                    Of::ItemName => names.iter().map(|n| fold(n)).collect(),
                    Of::ItemInitials => names.iter().map(|n| initials(n)).collect(),
                    _ => vec![fold(&r.get::<_, String>(2)?)],
                })
            })
        })
        .map_err(Error::sql("item_search"))
    });
    let ranks = if query.is_empty() {
        page(&mut Everything(count(db, "item_search")?), wanted)?
    } else {
        let any = [Of::ItemName, Of::ItemInitials, Of::ItemCode]
            .into_iter()
            .map(|of| containing(db, of, &query, &texts))
            .collect();
        page(&mut Any(any), wanted)?
    };
    rows(db, "item_search", &ranks, |r| {
        Ok(ItemHit {
            med_list_codg: r.get(1)?,
            hilist_name: r.get(2)?,
            list_type: r.get(3)?,
            fee_lines: r.get::<_, i64>(4)?.unsigned_abs(),
            amount: Amount::from_millionths(r.get(5)?),
        })
    })
}

/// Staff by name, initials, full pinyin or code, by name.
pub(crate) fn staff(db: &Connection, query: &str, wanted: Page) -> Result<Vec<StaffHit>> {
    let query = fold(query);
    let texts: Texts<'_> = Box::new(|of, rank| {
        let rank = i64::try_from(rank).unwrap_or(i64::MAX);
        db.prepare_cached("SELECT prac_psn_name, prac_psn_code FROM staff_search WHERE rank = ?1")
            .and_then(|mut s| {
                s.query_row([rank], |r| {
                    let name: String = r.get(0)?;
                    Ok(match of {
                        Of::StaffName => vec![fold(&name)],
                        Of::StaffInitials => forms(&name).initials,
                        Of::StaffPinyin => forms(&name).full,
                        _ => vec![fold(&r.get::<_, String>(1)?)],
                    })
                })
            })
            .map_err(Error::sql("staff_search"))
    });
    let ranks = if query.is_empty() {
        page(&mut Everything(count(db, "staff_search")?), wanted)?
    } else {
        let any = [Of::StaffName, Of::StaffInitials, Of::StaffPinyin, Of::StaffCode]
            .into_iter()
            .map(|of| containing(db, of, &query, &texts))
            .collect();
        page(&mut Any(any), wanted)?
    };
    rows(db, "staff_search", &ranks, |r| {
        Ok(StaffHit {
            prac_psn_code: r.get(1)?,
            prac_psn_name: r.get(2)?,
            prac_psn_type: r.get(3)?,
            hosp_dept_name: r.get(4)?,
        })
    })
}
