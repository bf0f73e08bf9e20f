//! Invented persons: names that nobody bears, numbers that nobody has.

use chrono::{Datelike as _, NaiveDate};

use super::out::{Rng, Tables, day};

pub(super) struct Person {
    pub(super) psn_no: String,
    pub(super) insutype: &'static str,
    pub(super) psn_type: &'static str,
    pub(super) female: bool,
    pub(super) age: i64,
    pub(super) chronic: bool,
}

const SURNAMES: &[&str] = &[
    "王", "王", "王", "李", "李", "李", "张", "张", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴",
    "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗", "单", "曾", "仇", "吕", "解", "朴",
    "翟", "欧阳", "诸葛", "上官",
];
const FIRST: &[&str] =
    &["甲", "乙", "丙", "丁", "戊", "己", "庚", "辛", "壬", "癸", "小", "大", "阿", "示"];
const SECOND: &[&str] =
    &["一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "例", "样", "范", "本"];

/// A name like 王甲三 or 李四.
pub(super) fn invented_name(rng: &mut Rng) -> String {
    let surname = rng.pick(SURNAMES).copied().unwrap_or("张");
    let second = rng.pick(SECOND).copied().unwrap_or("三");
    if rng.percent(15) {
        return format!("{surname}{second}");
    }
    let first = rng.pick(FIRST).copied().unwrap_or("甲");
    if rng.percent(3) {
        return format!("阿依{first}·{surname}{second}");
    }
    format!("{surname}{first}{second}")
}

/// 18 characters with a correct check character, in a division that does not exist.
pub(super) fn certno(birth: NaiveDate, serial: i64) -> String {
    const WEIGHTS: [i64; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let body = format!("990101{}{:03}", birth.format("%Y%m%d"), serial % 1000);
    let sum: i64 = body
        .bytes()
        .zip(WEIGHTS)
        .map(|(digit, weight)| i64::from(digit.saturating_sub(b'0')) * weight)
        .sum();
    let check = "10X98765432".chars().nth(usize::try_from(sum % 11).unwrap_or(0)).unwrap_or('0');
    format!("{body}{check}")
}

pub(super) fn build(tables: &mut Tables, rng: &mut Rng, count: usize) -> Vec<Person> {
    let mut persons = Vec::with_capacity(count);
    for n in 0..i64::try_from(count).unwrap_or(0) {
        let age = match rng.below(10) {
            0 => rng.between(0, 14),
            1..=3 => rng.between(15, 44),
            4..=6 => rng.between(45, 64),
            _ => rng.between(65, 92),
        };
        let year = i32::try_from(2026 - age).unwrap_or(1980);
        let (month, of_month) = (rng.between(1, 12), rng.between(1, 28));
        let number = |n: i64| u32::try_from(n).unwrap_or(1);
        let birth =
            NaiveDate::from_ymd_opt(year, number(month), number(of_month)).unwrap_or_default();
        let female = rng.percent(51);
        let employee = age >= 22 && rng.percent(45);
        let (insutype, psn_type) = match (employee, age) {
            (true, 60..) => ("310", "1201"),
            (true, _) => ("310", "1101"),
            (false, ..=17) => ("390", "1403"),
            (false, _) => ("390", "1501"),
        };
        let psn_no = format!("9901{:016}", 1_000_000 + n * 37);
        let serial = (n % 499) * 2 + i64::from(!female);
        let employer = employee.then(|| rng.between(1, 12));
        let emp_no = employer.map_or_else(String::new, |e| format!("EMP{e:04}"));
        let emp_name = employer.map_or_else(String::new, |e| format!("示例单位{e}"));
        tables.add(
            "psn",
            vec![
                ("psn_no", psn_no.clone()),
                ("psn_name", invented_name(rng)),
                ("psn_cert_type", "01".to_owned()),
                ("certno", certno(birth, serial)),
                ("gend", if female { "2" } else { "1" }.to_owned()),
                ("brdy", day(birth)),
                ("tel", format!("1990000{:04}", (n * 13) % 10_000)),
                ("addr", format!("示例市示例街道{}号", n + 1)),
                ("insutype", insutype.to_owned()),
                ("psn_type", psn_type.to_owned()),
                ("insu_admdvs", "990101".to_owned()),
                ("emp_no", emp_no),
                ("emp_name", emp_name),
                ("die_date", String::new()),
            ],
        );
        tables.add(
            "insu",
            vec![
                ("psn_no", psn_no.clone()),
                ("insutype", insutype.to_owned()),
                ("psn_type", psn_type.to_owned()),
                ("insu_admdvs", "990101".to_owned()),
                ("begndate", format!("{}-01-01", birth.year().max(2015))),
                ("enddate", String::new()),
                ("insu_stas", "1".to_owned()),
            ],
        );
        let chronic = age >= 50 && rng.percent(30);
        if chronic {
            tables.add(
                "opsp_reg",
                vec![
                    ("psn_no", psn_no.clone()),
                    ("dise_codg", "M03900".to_owned()),
                    ("dise_name", "高血压".to_owned()),
                    ("begndate", "2024-01-01".to_owned()),
                    ("enddate", String::new()),
                ],
            );
        }
        persons.push(Person { psn_no, insutype, psn_type, female, age, chronic });
    }
    persons
}
