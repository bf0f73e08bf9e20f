//! Facilities, departments, staff, units, equipment.

use super::out::{Rng, Row, Tables, day, days_ago};
use super::people::invented_name;

/// A facility with those who work there.
pub(super) struct Facility {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) pharmacy: bool,
    pub(super) inpatient: bool,
    /// Share of the fund in percent of what is reimbursable.
    pub(super) rate: i64,
    pub(super) departments: Vec<Department>,
}

pub(super) struct Department {
    pub(super) code: String,
    pub(super) name: &'static str,
    pub(super) ward: Option<&'static str>,
    pub(super) doctors: Vec<(String, String)>,
    pub(super) nurses: Vec<(String, String)>,
}

pub(super) struct City {
    pub(super) facilities: Vec<Facility>,
}

const DEPARTMENTS: &[(&str, &str, Option<&str>)] = &[
    ("01", "心血管内科", Some("一病区")),
    ("02", "呼吸内科", Some("二病区")),
    ("03", "普通外科", Some("三病区")),
    ("04", "骨科", Some("四病区")),
    ("05", "康复医学科", Some("五病区")),
    ("06", "妇产科", Some("六病区")),
    ("07", "儿科", None),
    ("08", "急诊科", None),
    ("09", "检验科", None),
    ("10", "医学影像科", None),
    ("11", "药剂科", None),
];

/// Of a small house with beds.
const SMALL_DEPARTMENTS: &[(&str, &str, Option<&str>)] = &[
    ("01", "全科医疗科", Some("一病区")),
    ("02", "内科", Some("二病区")),
    ("03", "外科", Some("三病区")),
    ("04", "重症医学科", Some("重症病区")),
];

const fn departments_of(
    small: bool,
) -> &'static [(&'static str, &'static str, Option<&'static str>)] {
    if small { SMALL_DEPARTMENTS } else { DEPARTMENTS }
}

struct Head {
    code: &'static str,
    name: &'static str,
    kind: &'static str,
    level: &'static str,
    uscc: &'static str,
    beds: i64,
    departments: usize,
    rate: i64,
}

const HEADS: &[Head] = &[
    Head {
        code: super::DEMO_HOSPITAL,
        name: "示例市人民医院",
        kind: "1",
        level: "05",
        uscc: "12990101000000001A",
        beds: 320,
        departments: 11,
        rate: 75,
    },
    Head {
        code: "H99010100002",
        name: "示例市中医医院",
        kind: "1",
        level: "06",
        uscc: "12990101000000002B",
        beds: 150,
        departments: 11,
        rate: 78,
    },
    Head {
        code: "H99010100003",
        name: "示例街道社区卫生服务中心",
        kind: "1",
        level: "08",
        uscc: "12990101000000003C",
        beds: 0,
        departments: 3,
        rate: 80,
    },
    Head {
        code: "P99010100001",
        name: "示例大药房有限公司",
        kind: "2",
        level: "11",
        uscc: "91990101000000004D",
        beds: 0,
        departments: 0,
        rate: 0,
    },
];

const NEIGHBOUR: Head = Head {
    code: "P99010100002",
    name: "示例惠民药店",
    kind: "2",
    level: "11",
    uscc: "91990101000000005E",
    beds: 0,
    departments: 0,
    rate: 0,
};

/// A second pharmacy, for boxes that two houses know.
pub(super) fn neighbour(tables: &mut Tables, rng: &mut Rng) -> Facility {
    facility(tables, rng, &NEIGHBOUR, (1, false))
}

/// Kinds of the small houses in which one thing is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Small {
    /// Four departments, and a bed that nobody lies in.
    Clinic,
    /// Five beds.
    Ward,
    Shop,
}

/// Codes of small houses: a clinic and a pharmacy in turn, as many as the stories of whole houses need.
const SMALL: [&str; 30] = [
    "H99010100101",
    "P99010100101",
    "H99010100102",
    "P99010100102",
    "H99010100103",
    "P99010100103",
    "H99010100104",
    "P99010100104",
    "H99010100105",
    "P99010100105",
    "H99010100106",
    "P99010100106",
    "H99010100107",
    "P99010100107",
    "H99010100108",
    "P99010100108",
    "H99010100109",
    "P99010100109",
    "H99010100110",
    "P99010100110",
    "H99010100111",
    "P99010100111",
    "H99010100112",
    "P99010100112",
    "H99010100113",
    "P99010100113",
    "H99010100114",
    "P99010100114",
    "H99010100115",
    "P99010100115",
];

/// A small house, the `n`-th of its kind. Pharmacies are of one level, so that there are some to compare them with.
pub(super) fn small(tables: &mut Tables, rng: &mut Rng, n: usize, kind: Small) -> Facility {
    let shop = kind == Small::Shop;
    let code = SMALL.get(2 * n + usize::from(shop)).copied().unwrap_or_default();
    let head = Head {
        code,
        name: if shop { "示例便民药店" } else { "示例卫生站" },
        kind: if shop { "2" } else { "1" },
        level: match kind {
            Small::Clinic => "09",
            Small::Ward => "07",
            Small::Shop => "10",
        },
        uscc: "",
        beds: if kind == Small::Ward { 5 } else { 0 },
        departments: if shop { 0 } else { 4 },
        rate: 70,
    };
    facility(tables, rng, &head, (1, false))
}

/// `size` times as many doctors and nurses as one small city has; `logs` invents what machines counted.
pub(super) fn build(tables: &mut Tables, rng: &mut Rng, size: i64, logs: bool) -> City {
    let facilities = HEADS.iter().map(|head| facility(tables, rng, head, (size, logs))).collect();
    City { facilities }
}

fn facility(
    tables: &mut Tables,
    rng: &mut Rng,
    head: &Head,
    (size, logs): (i64, bool),
) -> Facility {
    // Small houses have one name, and are told apart by their number.
    let number = head.code.get(9..).filter(|_| head.uscc.is_empty()).unwrap_or_default();
    let name = format!("{}{number}", head.name);
    let beds = |n: i64| if head.beds == 0 { String::new() } else { (n * size).to_string() };
    tables.add(
        "fixmedins_b",
        vec![
            ("fixmedins_code", head.code.to_owned()),
            ("fixmedins_name", name),
            ("fixmedins_type", head.kind.to_owned()),
            ("hosp_lv", head.level.to_owned()),
            ("fix_blng_admdvs", "990101".to_owned()),
            ("uscc", head.uscc.to_owned()),
            ("aprv_bed_cnt", beds(head.beds)),
            ("hi_crtf_bed_cnt", beds((head.beds - 20).max(1))),
            ("hi_resper_name", invented_name(rng)),
            ("hi_resper_tel", "19900009999".to_owned()),
            ("addr", format!("示例市示例路{}号", head.beds + 1)),
        ],
    );
    let pharmacy = head.kind == "2";
    let mut departments = Vec::new();
    let small = head.uscc.is_empty();
    for (code, name, ward) in departments_of(small).iter().take(head.departments) {
        let ward = ward.filter(|_| head.beds > 0);
        let department = Department {
            code: format!("D{code}"),
            name,
            ward,
            doctors: (0..3 * size).map(|n| person(tables, rng, head.code, code, "1", n)).collect(),
            nurses: (0..4 * size).map(|n| person(tables, rng, head.code, code, "2", n)).collect(),
        };
        tables.add(
            "dept",
            vec![
                ("fixmedins_code", head.code.to_owned()),
                ("hosp_dept_codg", department.code.clone()),
                ("hosp_dept_name", (*name).to_owned()),
                ("caty", format!("A{code}")),
                ("aprv_bed_cnt", if ward.is_some() { "50".to_owned() } else { String::new() }),
                ("hi_crtf_bed_cnt", if ward.is_some() { "48".to_owned() } else { String::new() }),
                ("begntime", "2020-01-01 00:00:00".to_owned()),
                ("endtime", String::new()),
            ],
        );
        departments.push(department);
    }
    if pharmacy {
        for n in 0..3 {
            person(tables, rng, head.code, "00", "3", n);
        }
    }
    units(tables, head, logs);
    Facility {
        code: head.code,
        name: head.name,
        pharmacy,
        inpatient: head.beds > 0,
        rate: head.rate,
        departments,
    }
}

fn person(
    tables: &mut Tables,
    rng: &mut Rng,
    facility: &str,
    department: &str,
    kind: &str,
    n: i64,
) -> (String, String) {
    let digits = facility.get(8..).unwrap_or_default();
    let letter = match kind {
        "1" => "D",
        "2" => "N",
        _ => "Y",
    };
    let code = format!("{letter}990101{digits}{department}{n:02}");
    let name = invented_name(rng);
    tables.add(
        "staff",
        vec![
            ("prac_psn_code", code.clone()),
            ("prac_psn_name", name.clone()),
            ("prac_psn_type", kind.to_owned()),
            ("fixmedins_code", facility.to_owned()),
            ("hosp_dept_codg", format!("D{department}")),
            ("hi_dr_flag", if kind == "1" { "1" } else { "0" }.to_owned()),
            ("begntime", "2022-01-01 00:00:00".to_owned()),
            ("endtime", String::new()),
            ("chg_rea", String::new()),
        ],
    );
    (code, name)
}

fn units(tables: &mut Tables, head: &Head, logs: bool) {
    let unit = |no: &str, kind: &str, name: &str, value: &str| -> Row {
        vec![
            ("fixmedins_code", head.code.to_owned()),
            ("unit_no", no.to_owned()),
            ("unit_type", kind.to_owned()),
            ("unit_name", name.to_owned()),
            ("begntime", "2022-01-01".to_owned()),
            ("endtime", String::new()),
            ("value", value.to_owned()),
        ]
    };
    tables.add("fac_unit", unit("U01", "agreement", "医保定点协议", "有效"));
    let hours = if head.kind == "2" { "08:00-21:30" } else { "00:00-24:00" };
    tables.add("fac_unit", unit("U02", "hours", "营业时间", hours));
    if head.beds > 0 {
        tables.add("fac_unit", unit("U03", "icu", "重症监护室", "8"));
        let devices = [
            ("E01", "CT机", "示例CT-64", "S003"),
            ("E02", "彩色超声诊断仪", "示例US-9", "S004"),
            ("E03", "中频治疗仪", "示例ZP-2", "S010"),
        ];
        for (no, name, model, item) in devices {
            let equip = format!("{}-{no}", head.code);
            tables.add(
                "equip",
                vec![
                    ("equip_no", equip.clone()),
                    ("fixmedins_code", head.code.to_owned()),
                    ("name", name.to_owned()),
                    ("model", model.to_owned()),
                    ("serial", format!("SN{equip}")),
                    ("invoice_no", format!("FP{no}0001")),
                    ("in_use_date", "2023-03-01".to_owned()),
                    ("stop_begn", String::new()),
                    ("stop_end", String::new()),
                    ("item_codes", super::items::code_of(item)),
                ],
            );
            for n in (0..360).step_by(30).filter(|_| logs) {
                tables.add(
                    "equip_log",
                    vec![
                        ("equip_no", equip.clone()),
                        ("log_date", day(days_ago(n))),
                        ("use_cnt", (n / 10 + 5).to_string()),
                        ("use_min", (n + 90).to_string()),
                    ],
                );
            }
        }
    }
    for (year, amount) in [("2025", "6200000.00"), ("2026", "6500000.00")] {
        tables.add(
            "budget",
            vec![
                ("fixmedins_code", head.code.to_owned()),
                ("year", year.to_owned()),
                ("amount", amount.to_owned()),
            ],
        );
    }
    tables.add(
        "hist",
        vec![
            ("hist_id", format!("HIST-{}", head.code)),
            ("fixmedins_code", head.code.to_owned()),
            ("date", "2025-06-10".to_owned()),
            ("kind", "self_check".to_owned()),
            ("rule", String::new()),
            ("amount", "1280.00".to_owned()),
            ("state", "closed".to_owned()),
            ("text", "自查自纠退回(示例)".to_owned()),
        ],
    );
}
