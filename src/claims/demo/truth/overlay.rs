//! The region's own rule pack of the planted city: example points for the lists that the national pack leaves empty.
//!
//! It lies in a folder of its own beside the tables and is an ordinary overlay: `spotcheck-center rulepack sign` and
//! `rulepack add` take it. Nothing of it is an official knowledge point; every row says so.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::items::code_of;
use super::super::out::{day, days_ago};
use super::listed::{LISTED, Limit, Listed, SINCE};
use crate::error::{Error, Result};

/// Folder inside the planted city.
pub(super) const FOLDER: &str = "rulepack";

const HEAD: &str = "code,code_b,value,unit,text,begndate,enddate,origin,source\n";
const PACK: &str = "name = \"example-region\"\nversion = \"2026.11\"\n";
const READ_ME: &str = "\
# 示例市地方规则包

演示数据的一部分。各清单中的知识点都是为演示编造的示例,只涉及名称以“示例”开头的项目和药品,
不是国家或任何地方发布的知识点。用法:`spotcheck-center rulepack sign`,然后 `rulepack add`。
";

/// A point before it is a row.
#[derive(Default)]
struct Point {
    code: String,
    other: String,
    value: String,
    unit: &'static str,
    text: String,
    since: String,
}

/// Writes the folder.
pub(super) fn write(city: &Path) -> Result<()> {
    let folder = city.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(Error::io("rule pack folder"))?;
    let put = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).map_err(Error::io(name.to_owned()))
    };
    put("pack.toml", PACK)?;
    put("README.md", READ_ME)?;
    let mut lists: BTreeMap<&str, String> = BTreeMap::new();
    for l in LISTED {
        for (list, p) in points(l) {
            let since = if p.since.is_empty() { "2021-05-01" } else { &p.since };
            let row =
                [&p.code, &p.other, &p.value, p.unit, &p.text, since, "", "local", "示例;非官方"];
            let text = lists.entry(list).or_insert_with(|| HEAD.to_owned());
            text.push_str(&row.join(","));
            text.push('\n');
        }
    }
    for (list, text) in lists {
        put(&format!("{list}.kp.csv"), &text)?;
    }
    Ok(())
}

/// The points of a limit, each with the list on which it stands.
fn points(l: &Listed) -> Vec<(&'static str, Point)> {
    let of = |item: &str| Point { code: code_of(item), ..Point::default() };
    let own = of(l.item);
    let text = |words: &str| Point { text: words.to_owned(), ..of(l.item) };
    let value = |n: i64, unit| Point { value: n.to_string(), unit, ..of(l.item) };
    let beside = |list: &'static str, item: &str| {
        let second = (!list.is_empty()).then(|| (list, of(item)));
        std::iter::once((l.rule, of(l.item))).chain(second).collect()
    };
    let point = match l.limit {
        Limit::Women => text("2"),
        Limit::UpTo(years) => value(years, "岁"),
        Limit::Level(words) | Limit::House(words) | Limit::Way(words, ..) => text(words),
        Limit::Insurance(word) | Limit::Department(word, _) => text(word),
        Limit::Diagnosis(words, _) | Limit::Forbidden(words, _) => text(words),
        Limit::Disease(word, other) => {
            let second = Point { text: format!("{word}|M03900"), ..of(other) };
            return vec![(l.rule, text(word)), (l.rule, second)];
        }
        Limit::Never => Point { since: day(days_ago(SINCE)), ..own },
        Limit::Sum(_, _, cap) => value(cap, ""),
        Limit::Pair(_, other) => Point { other: code_of(other), ..own },
        Limit::Class(other) => {
            let class = |item: &str| Point { text: "示例同类药".to_owned(), ..of(item) };
            return vec![(l.rule, class(l.item)), (l.rule, class(other))];
        }
        Limit::Needs(other, list) | Limit::After(other, list) => return beside(list, other),
        Limit::Prescribed => own,
        Limit::Treated((dx, _)) => {
            let prefix = dx.get(..3).unwrap_or(dx);
            Point { code: format!("{prefix}*"), other: own.code, ..Point::default() }
        }
        Limit::Operation(code, words, _) => {
            Point { code: code.to_owned(), text: words.to_owned(), ..Point::default() }
        }
        Limit::Hands(minutes) | Limit::Machine(minutes) => value(minutes, "分钟"),
        Limit::LongHands => return Vec::new(),
    };
    vec![(l.rule, point)]
}
