//! An invented hospital whose export is drawn by a seed: names, order and forms of columns, refunds, totals.
//!
//! What is planted is known; everything else is what real exports do and must not be called a difference.

use std::collections::BTreeMap;

use spotcheck_domain::columns::{Cell, MemoryColumns};
use spotcheck_domain::grid::{Grid, GridLimits};

use super::{
    Class, Compared, Field, Options, Pairing, Proposal, Uploaded, findings, layout, propose,
    proposed, run,
};

/// Deterministic numbers.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below.max(1)
    }
}

/// A fee line as both sides know it.
#[derive(Clone, Debug)]
struct Fee {
    visit: usize,
    day: u32,
    item: usize,
    cnt: i64,
    /// Cents.
    pric: i64,
    serial: String,
}

impl Fee {
    fn amount(&self) -> i64 {
        self.cnt * self.pric
    }
}

/// How an export looks.
#[derive(Clone, Copy, Default)]
struct Look {
    seed: u64,
    /// 0 ISO, 1 slashes, 2 compact, 3 Chinese, 4 day number.
    date: usize,
    /// One line per visit, item and day.
    by_day: bool,
    /// Without codes and numbers.
    names_only: bool,
    titles: bool,
}

struct House {
    visits: usize,
    items: Vec<(String, String, String, i64)>,
    uploaded: Vec<Fee>,
    his: Vec<Fee>,
    cutoff: u32,
}

fn day_text(day: u32) -> String {
    let date = chrono::NaiveDate::from_ymd_opt(2026, 3, 1).unwrap() + chrono::Days::new(day.into());
    date.format("%Y-%m-%d").to_string()
}

fn cents(n: i64) -> String {
    format!("{}{}.{:02}", if n < 0 { "-" } else { "" }, n.abs() / 100, n.abs() % 100)
}

impl House {
    /// `visits` stays of ten days with `lines` lines each; a tenth of them with a refund on both sides.
    fn new(seed: u64, visits: usize, lines: usize) -> Self {
        let mut draw = Draw(seed);
        let items: Vec<_> = (0..60)
            .map(|n| {
                let price = 150 + i64::from(n) * 137;
                (format!("00{n:04}C"), format!("Y{n:03}"), format!("示例项目{}号", n + 1), price)
            })
            .collect();
        let mut uploaded = Vec::new();
        for visit in 0..visits {
            for line in 0..lines {
                let item = draw.next(items.len());
                let fee = Fee {
                    visit,
                    day: draw.next(20) as u32,
                    item,
                    cnt: 1 + draw.next(3) as i64,
                    pric: items[item].3,
                    serial: format!("{visit}-{line}"),
                };
                if draw.next(10) == 0 {
                    let back =
                        Fee { cnt: -fee.cnt, serial: format!("{}R", fee.serial), ..fee.clone() };
                    uploaded.push(back);
                }
                uploaded.push(fee);
            }
        }
        Self { visits, items, his: uploaded.clone(), uploaded, cutoff: 40 }
    }

    fn package(&self) -> MemoryColumns {
        let mut package = MemoryColumns::new();
        package.add("fixmedins_b", &[("fixmedins_code", Cell::text("H1"))]);
        for visit in 0..self.visits {
            package.add(
                "psn",
                &[
                    ("psn_no", Cell::text(&format!("P{visit}"))),
                    ("psn_name", Cell::text(&format!("张{visit}"))),
                    ("certno", Cell::text(&format!("11010119900101{visit:04}"))),
                ],
            );
            package.add(
                "mdtrt_d",
                &[
                    ("mdtrt_id", Cell::text(&format!("M{visit:06}"))),
                    ("psn_no", Cell::text(&format!("P{visit}"))),
                    ("med_type", Cell::text("21")),
                    ("begntime", Cell::time(&day_text(0))),
                    ("endtime", Cell::time(&day_text(25))),
                    ("ipt_otp_no", Cell::text(&format!("00{}", 90_000 + visit))),
                ],
            );
        }
        for fee in &self.uploaded {
            let (code, local, name, _) = &self.items[fee.item];
            package.add(
                "fee_list_d",
                &[
                    ("mdtrt_id", Cell::text(&format!("M{:06}", fee.visit))),
                    ("psn_no", Cell::text(&format!("P{}", fee.visit))),
                    ("bkkp_sn", Cell::text(&fee.serial)),
                    ("fee_ocur_time", Cell::time(&day_text(fee.day))),
                    ("med_list_codg", Cell::text(code)),
                    ("medins_list_codg", Cell::text(local)),
                    ("hilist_name", Cell::text(name)),
                    ("medins_list_name", Cell::text(name)),
                    ("cnt", Cell::amount(&fee.cnt.to_string())),
                    ("pric", Cell::amount(&cents(fee.pric))),
                    ("det_item_fee_sumamt", Cell::amount(&cents(fee.amount()))),
                    ("med_chrgitm_type", Cell::text("09")),
                ],
            );
        }
        let Cell::Time(cutoff) = Cell::time(&day_text(self.cutoff)) else { panic!("cut-off") };
        package.set_cutoff("fee_list_d", cutoff);
        package
    }

    fn grid(&self, look: Look) -> Grid {
        let mut draw = Draw(look.seed ^ 0x5eed);
        let mut his = self.his.clone();
        if look.by_day {
            let mut days: BTreeMap<(usize, u32, usize, i64), Fee> = BTreeMap::new();
            for fee in his {
                days.entry((fee.visit, fee.day, fee.item, fee.pric))
                    .and_modify(|f| f.cnt += fee.cnt)
                    .or_insert(fee);
            }
            his = days.into_values().collect();
        }
        type Text<'a> = Box<dyn Fn(&Fee, usize) -> String + 'a>;
        let date = move |day: u32| {
            let iso = day_text(day);
            let part = |n: usize| iso.split('-').nth(n).unwrap().parse::<u32>().unwrap();
            match look.date {
                0 => format!("{iso} 08:30:00"),
                1 => format!("{}/{}/{}", part(0), part(1), part(2)),
                2 => iso.replace('-', ""),
                3 => format!("{}年{}月{}日", part(0), part(1), part(2)),
                _ => (46_082 + day).to_string(),
            }
        };
        let pick = |draw: &mut Draw, words: &[&'static str]| words[draw.next(words.len())];
        let mut columns: Vec<(&str, Text<'_>)> = vec![
            (
                pick(&mut draw, &["住院号", "登记号", "ZYH", "病人编码X"]),
                Box::new(|f, _| (90_000 + f.visit).to_string()),
            ),
            (
                pick(&mut draw, &["费用日期", "记账时间", "jfrq", "列甲"]),
                Box::new(move |f, _| date(f.day)),
            ),
            (
                pick(&mut draw, &["项目名称", "收费项目", "xmmc"]),
                Box::new(|f, _| self.items[f.item].2.clone()),
            ),
            (pick(&mut draw, &["数量", "实发数量", "sl"]), Box::new(|f, _| f.cnt.to_string())),
            (pick(&mut draw, &["单价", "dj", "价格(元)"]), Box::new(|f, _| cents(f.pric))),
            (pick(&mut draw, &["金额", "实收金额", "je"]), Box::new(|f, _| cents(f.amount()))),
            ("姓名", Box::new(|f, _| format!("张{}", f.visit))),
        ];
        if !look.names_only {
            columns.push((
                pick(&mut draw, &["医保编码", "国家码", "贯标码"]),
                Box::new(|f, _| self.items[f.item].0.clone()),
            ));
            columns.push((
                pick(&mut draw, &["项目编码", "院内编码"]),
                Box::new(|f, _| self.items[f.item].1.clone()),
            ));
            columns.push(("身份证号", Box::new(|f, _| format!("11010119900101{:04}", f.visit))));
        }
        // What also stands in such tables.
        columns.push(("序号", Box::new(|_, n| n.to_string())));
        columns.push(("入院日期", Box::new(|_, _| "2026-03-01".to_owned())));
        columns.push(("出院日期", Box::new(|_, _| "2026-03-26".to_owned())));
        columns.push(("年龄", Box::new(|f, _| (20 + f.visit % 60).to_string())));
        columns.push(("医保限价", Box::new(|f, _| cents(f.pric + 100))));
        columns.push(("统筹金额", Box::new(|f, _| cents(f.amount() * 7 / 10))));
        while columns.len() < 28 {
            columns.push(("备用", Box::new(|f, _| format!("科室{}", f.item % 9))));
        }
        for n in (1..columns.len()).rev() {
            columns.swap(n, draw.next(n + 1));
        }
        for n in (1..his.len()).rev() {
            his.swap(n, draw.next(n + 1));
        }
        let mut grid = Grid::new("", GridLimits::default());
        let mut row = 1;
        if look.titles {
            grid.push(1, &["示例医院费用明细"]).unwrap();
            grid.push(2, &["期间 2026-03-01 至 2026-03-20", "", "操作员 李四"]).unwrap();
            row = 4;
        }
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        grid.push(row, &names).unwrap();
        for (n, fee) in his.iter().enumerate() {
            row += 1;
            let cells: Vec<String> = columns.iter().map(|(_, of)| of(fee, n + 1)).collect();
            grid.push(row, &cells).unwrap();
        }
        grid.push(row + 1, &["合计"]).unwrap();
        grid
    }

    fn compare(&self, look: Look) -> (Vec<Proposal>, Compared) {
        compare(&self.package(), &self.grid(look))
    }
}

fn compare(package: &MemoryColumns, grid: &Grid) -> (Vec<Proposal>, Compared) {
    let mut uploaded = Uploaded::heads(package, &mut ()).unwrap();
    let found = layout(grid, None);
    let proposals = propose(grid, &found, &mut uploaded, package, &mut ()).unwrap();
    let options = Options::new(proposed(&proposals));
    let compared = run(grid, &found, &options, &mut uploaded, package, &mut ()).unwrap();
    (proposals, compared)
}

fn counts(compared: &Compared) -> Vec<(Class, u64)> {
    compared.by_class().into_iter().map(|(c, n, _)| (c, n)).filter(|(_, n)| *n > 0).collect()
}

/// Fourteen differences of all classes, each on lines of its own.
fn plant(house: &mut House) -> Vec<(Class, u64)> {
    // Items and days that nothing else of the visit has.
    let own = |visit: usize, item: usize, cnt: i64, pric: i64, serial: &str| Fee {
        visit,
        day: 9,
        item,
        cnt,
        pric,
        serial: serial.to_owned(),
    };
    for n in 0..12 {
        house.items.push((
            format!("009{n:03}X"),
            format!("Z{n:03}"),
            format!("独有项目{n}"),
            1_000,
        ));
    }
    let first = house.items.len() - 12;
    // The same name under another code, the same own code under another national one.
    let same = house.items[first + 6].1.clone();
    house.items[first + 7].1 = same;
    let same = house.items[first + 4].2.clone();
    house.items[first + 5].2 = same;
    let mut both = |his: Fee, up: Fee| {
        house.his.push(his);
        house.uploaded.push(up);
    };
    both(own(0, first, 1, 1_000, "q1"), own(0, first, 3, 1_000, "q1"));
    both(own(1, first, 2, 1_000, "q2"), own(1, first, 1, 1_000, "q2"));
    both(own(2, first + 1, 1, 1_000, "p1"), own(2, first + 1, 1, 1_200, "p1"));
    both(own(3, first + 2, 1, 1_000, "d1"), Fee { day: 11, ..own(3, first + 2, 1, 1_000, "d1") });
    both(own(4, first + 4, 1, 1_000, "i1"), own(4, first + 5, 1, 1_000, "i1"));
    both(own(5, first + 6, 1, 1_000, "i2"), own(5, first + 7, 1, 1_100, "i2"));
    both(own(6, first + 8, 3, 1_000, "r1"), own(6, first + 8, 3, 1_000, "r1"));
    both(own(7, first + 8, 1, 1_000, "r2"), own(7, first + 8, 1, 1_000, "r2"));
    house.his.push(own(6, first + 8, -1, 1_000, "r1b"));
    house.his.push(own(7, first + 8, -1, 1_000, "r2b"));
    for (visit, serial) in [(8, "u1"), (9, "u2"), (10, "u3")] {
        house.uploaded.push(own(visit, first + 9, 2, 1_000, serial));
    }
    for (visit, serial) in [(8, "h1"), (9, "h2")] {
        house.his.push(own(visit, first + 10, 2, 1_000, serial));
    }
    // A whole visit that the export does not have.
    house.his.retain(|f| f.visit != 11);
    vec![
        (Class::UploadedOnly, 4),
        (Class::Quantity, 2),
        (Class::Price, 1),
        (Class::Item, 2),
        (Class::Refund, 2),
        (Class::Date, 1),
        (Class::HisOnly, 2),
    ]
}

/// Issue 4: fourteen planted differences are found and none more, whatever order, names and dates the
/// table has.
#[test]
fn fourteen_planted_differences_are_found_and_none_more() {
    for seed in 0..10 {
        let mut house = House::new(seed, 40, 30);
        let planted = plant(&mut house);
        let look =
            Look { seed, date: (seed % 5) as usize, titles: seed % 2 == 0, ..Look::default() };
        let (proposals, compared) = house.compare(look);
        for field in
            [Field::Visit, Field::FeeTime, Field::ItemCode, Field::Cnt, Field::Pric, Field::Amount]
        {
            let found = proposals.iter().find(|p| p.field == field).unwrap();
            assert!(found.confidence() >= super::SURE, "seed {seed}: {field:?} {found:?}");
            assert!(found.candidates.len() <= super::MAX_CANDIDATES);
        }
        assert_eq!(counts(&compared), planted, "seed {seed}: {:?}", compared.differences);
        assert_eq!(compared.differences.len(), 14);
        assert_eq!(compared.counts.unreadable, 0, "{:?}", compared.bad);
    }
}

/// rules.md: a facility without any difference gets none, in every form of the table.
#[test]
fn a_clean_export_has_no_difference_in_any_form() {
    for seed in 0..5 {
        let house = House::new(seed, 12, 20);
        for (by_day, names_only) in [(false, false), (true, false), (false, true), (true, true)] {
            let look = Look { seed, date: (seed % 5) as usize, by_day, names_only, titles: true };
            let (_, compared) = house.compare(look);
            assert_eq!(compared.differences, [], "seed {seed} {by_day} {names_only}");
            assert_eq!(compared.counts.unknown_visits, 0);
        }
    }
}

/// claims.md §1: what is younger than the cut-off minus the lag is 未上传, never a difference.
#[test]
fn what_is_younger_than_the_cutoff_is_not_uploaded_yet() {
    let mut house = House::new(3, 10, 30);
    house.cutoff = 16;
    house.uploaded.retain(|f| f.day <= 15);
    let young = house.his.iter().filter(|f| f.day > 15).count() as u64;
    let (_, compared) = house.compare(Look { seed: 3, ..Look::default() });
    assert_eq!(compared.differences, []);
    assert!(young > 0 && compared.counts.young <= young);
    assert!(compared.counts.young + compared.counts.netted >= young);
}

/// Three forms of a refund that was treated alike on both sides.
#[test]
fn refunds_that_both_sides_know_are_no_difference() {
    let fee = |day, cnt, serial: &str| Fee {
        visit: 0,
        day,
        item: 0,
        cnt,
        pric: 287,
        serial: serial.to_owned(),
    };
    let forms: [(Vec<Fee>, Vec<Fee>); 4] = [
        // Charged and taken back before the upload.
        (vec![fee(3, 1, "a"), fee(3, -1, "b")], vec![]),
        // The upload has the net quantity.
        (vec![fee(3, 3, "a"), fee(5, -1, "b")], vec![fee(3, 2, "a")]),
        // Taken back on another day on both sides.
        (vec![fee(3, 3, "a"), fee(5, -3, "b"), fee(6, 1, "c")], vec![fee(6, 1, "c")]),
        // The export leaves taken-back lines out.
        (vec![], vec![fee(3, 1, "a"), fee(4, -1, "b")]),
    ];
    for (n, (his, up)) in forms.into_iter().enumerate() {
        let mut house = House::new(5, 6, 20);
        // The item of the refunds is nobody else's.
        for fee in house.his.iter_mut().chain(&mut house.uploaded) {
            if fee.item == 0 {
                fee.item = 1;
                fee.pric = 287;
            }
        }
        house.his.extend(his);
        house.uploaded.extend(up);
        let (_, compared) = house.compare(Look::default());
        assert_eq!(compared.differences, [], "form {n}");
    }
}

/// Digits that a spreadsheet has lost are told with their row and never compared.
#[test]
fn lost_digits_are_told_and_never_compared() {
    let house = House::new(7, 8, 20);
    let mut grid = Grid::new("", GridLimits::default());
    let plain = house.grid(Look::default());
    let found = layout(&plain, None);
    let visit = (0..plain.width())
        .find(|c| ["住院号", "登记号", "ZYH", "病人编码X"].contains(&found.name(*c)))
        .unwrap();
    for row in 0..plain.height() {
        let mut cells: Vec<String> =
            (0..plain.width()).map(|c| plain.cell(row, c).to_owned()).collect();
        if (5..9).contains(&row) {
            cells[visit] = "1.23457E+17".to_owned();
        }
        grid.push(plain.number(row), &cells).unwrap();
    }
    let (proposals, compared) = compare(&house.package(), &grid);
    assert_eq!(compared.counts.unreadable, 4);
    assert!(compared.bad.iter().all(|b| b.reason.contains("科学计数")));
    let told = proposals.iter().find(|p| p.field == Field::Visit).unwrap();
    assert!(told.candidates[0].warning.is_some());
    assert!(compared.differences.iter().all(|d| d.class == Class::UploadedOnly));
}

/// Another name under the visit number is one difference, a masked one is none.
#[test]
fn another_person_is_told_once_per_visit() {
    let house = House::new(9, 8, 20);
    let plain = house.grid(Look::default());
    let name = (0..plain.width()).find(|c| layout(&plain, None).name(*c) == "姓名").unwrap();
    let mut grid = Grid::new("", GridLimits::default());
    for row in 0..plain.height() {
        let mut cells: Vec<String> =
            (0..plain.width()).map(|c| plain.cell(row, c).to_owned()).collect();
        match cells[name].as_str() {
            "张3" => cells[name] = "李九".to_owned(),
            "张4" => cells[name] = "张*".to_owned(),
            _ => {}
        }
        grid.push(plain.number(row), &cells).unwrap();
    }
    let (_, compared) = compare(&house.package(), &grid);
    assert_eq!(counts(&compared), [(Class::Person, 1)]);
    let all = findings(&compared, "H1");
    assert_eq!(all[0].mdtrt_id.as_deref(), Some("M000003"));
    assert!(!all[0].reason.contains("李九"), "no name in the sentence: {}", all[0].reason);
}

/// Values beat words: a header that lies does not win.
#[test]
fn a_lying_header_loses_against_the_values() {
    let house = House::new(11, 20, 20);
    let plain = house.grid(Look::default());
    let found = layout(&plain, None);
    let mut grid = Grid::new("", GridLimits::default());
    let age = (0..plain.width()).find(|c| found.name(*c) == "年龄").unwrap();
    let limit = (0..plain.width()).find(|c| found.name(*c) == "医保限价").unwrap();
    for row in 0..plain.height() {
        let mut cells: Vec<String> =
            (0..plain.width()).map(|c| plain.cell(row, c).to_owned()).collect();
        if Some(row) == found.header {
            cells[age] = "住院号".to_owned();
            cells[limit] = "单价".to_owned();
        }
        grid.push(plain.number(row), &cells).unwrap();
    }
    let (proposals, compared) = compare(&house.package(), &grid);
    let column = |field| proposals.iter().find(|p| p.field == field).unwrap().column;
    assert!(column(Field::Visit) != Some(age) && column(Field::Pric) != Some(limit));
    assert_eq!(compared.differences, []);
}

/// rules.md, Words: a finding states figures; nothing in it accuses.
#[test]
fn findings_state_facts_with_rows_on_both_sides() {
    let mut house = House::new(13, 30, 20);
    plant(&mut house);
    let (_, compared) = house.compare(Look { seed: 1, ..Look::default() });
    let all = findings(&compared, "H1");
    assert_eq!(all.len(), 14);
    let mut keys = std::collections::BTreeSet::new();
    for finding in &all {
        assert!(keys.insert(finding.merge_key()), "told apart: {}", finding.reason);
        for word in ["违规", "违法", "骗保"] {
            assert!(!finding.body().contains(word));
        }
        assert!(finding.fund_amount.is_none());
    }
    let refund = all.iter().find(|f| f.name.contains("退费")).unwrap();
    assert!(refund.reason.contains("文件第") && !refund.bkkp_sn.is_empty(), "{}", refund.reason);
    assert_eq!(refund.amount.map(|a| a.to_cents()).as_deref(), Some("10.00"));
}

/// Without the needed columns nothing runs, and the trouble names them.
#[test]
fn what_is_missing_is_named() {
    let house = House::new(1, 3, 5);
    let (grid, package) = (house.grid(Look::default()), house.package());
    let mut uploaded = Uploaded::heads(&package, &mut ()).unwrap();
    let options = Options::new(Pairing::from([(Field::Cnt, 3)]));
    let found = layout(&grid, None);
    let trouble = run(&grid, &found, &options, &mut uploaded, &package, &mut ()).unwrap_err();
    assert!(trouble.message.contains("就诊号") && trouble.message.contains("费用日期"));
}

/// What was not uploaded goes to the rules: old lines and young ones, each once, with the package's codes.
#[test]
fn lines_that_were_not_uploaded_are_kept_for_the_rules() {
    let mut house = House::new(5, 12, 20);
    house.cutoff = 15;
    let fee = |day: u32, serial: &str| Fee {
        visit: 3,
        day,
        item: 7,
        cnt: 5,
        pric: 999,
        serial: serial.to_owned(),
    };
    house.his.push(fee(2, "old"));
    house.his.push(fee(24, "young"));
    let (_, compared) = house.compare(Look::default());
    let own: Vec<_> = compared.fresh.iter().filter(|r| r.cnt == Some(5_000_000)).collect();
    assert_eq!(own.iter().map(|r| r.young).filter(|y| *y).count(), 1);
    assert_eq!(own.len(), 2);
    for row in own {
        assert_eq!((row.mdtrt_id.as_str(), row.psn_no.as_str()), ("M000003", "P3"));
        assert_eq!(row.code, "000007C");
    }
    let told = findings(&compared, "H1");
    assert_eq!(told.len(), 1, "a young line is 未上传 and no difference");
}
