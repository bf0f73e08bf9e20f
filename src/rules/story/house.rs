//! Leads and statistics over a whole house: what the planted city does not tell of single patients, each with the
//! figure that just says something and the one that just does not.

use super::support::{BED, CT, DRUG, World, hospital};

/// What one rule finds, how often.
fn count(w: &World, rule: &str) -> usize {
    w.found(rule).len()
}

/// A visit of an invented person in a department, with a settlement of which the patient paid so much.
fn visit(
    w: &mut World,
    id: &str,
    psn: &str,
    (kind, department): (&str, &str),
    at: (&str, &str),
    paid: &str,
) {
    w.add(
        "mdtrt_d",
        &format!(
            "mdtrt_id={id};psn_no={psn};fixmedins_code=H1;med_type={kind};insutype=310;begntime={};endtime={};\
             adm_dept_codg={department};adm_dept_name={department};chfpdr_code=D001;dscg_maindiag_code=I10.x00;dscg_way=1",
            at.0, at.1
        ),
    );
    w.add(
        "setl_d",
        &format!(
            "setl_id=S-{id};mdtrt_id={id};fixmedins_code=H1;setl_time={};clr_way=01;medfee_sumamt=1000;\
             fund_pay_sumamt=700;psn_pay={paid};cash_payamt={paid}",
            at.1
        ),
    );
}

/// So many persons, each once.
fn persons(w: &mut World, kind: &str, many: usize, (from, to): (&str, &str)) {
    for n in 0..many {
        visit(w, &format!("V{n}"), &format!("Q{n}"), (kind, "D1"), (from, to), "300");
    }
}

/// J02–J06: the part of one kind of fees in a bill of 1000 yuan, at the reference and above it.
#[test]
fn j02_to_j06_a_share_above_its_reference_says_where_to_look() {
    let rules = [
        ("J02", CT, 400),
        ("J03", "M1|敷料|08|301", 250),
        ("J04", "T1|换药|05|201", 450),
        ("J05", CT, 80),
        ("J06", "R1|磁共振平扫|03|201", 50),
    ];
    for (rule, item, reference) in rules {
        let share = |of: i32| {
            let mut w = hospital();
            w.stay("V1", 1, 5).fee("V1", "1", item, "2026-03-02", "1", &of.to_string());
            w.fee("V1", "2", BED, "2026-03-02", "1", &(1_000 - of).to_string());
            count(&w, rule)
        };
        assert_eq!((share(reference + 1), share(reference)), (1, 0), "{rule}");
    }
}

#[test]
fn a24_1_a_bed_kept_on_whole_days_of_leave() {
    let kept = |day: &str| {
        let mut w = hospital();
        w.stay("V1", 1, 9).fee("V1", "1", "B2|病房保留床位费|01|201", day, "1", "20");
        w.add("leave", "mdtrt_id=V1;begntime=2026-03-03 18:00:00;endtime=2026-03-06 08:00:00");
        count(&w, "A24-1")
    };
    assert_eq!((kept("2026-03-04"), kept("2026-03-03"), kept("2026-03-06")), (1, 0, 0));
}

/// A hundred approved beds, five more are bearable.
#[test]
fn a13_more_in_bed_than_the_house_has_beds() {
    let day = ("2026-03-01 09:00:00", "2026-03-02 10:00:00");
    let full = |many: usize| {
        let mut w = hospital();
        persons(&mut w, "21", many, day);
        count(&w, "A13")
    };
    assert_eq!((full(106), full(105)), (1, 0));
    // 105.5 beds are not 106.
    let share = "[[adjust]]\nid = \"A13\"\nparams = { share = { value = \"1.055\", origin = \"local\" } }\n";
    let mut w = hospital();
    persons(&mut w, "21", 106, day);
    assert_eq!(w.found_with("A13", share).len(), 1);
}

#[test]
fn a21_j08_too_many_come_back_within_a_month() {
    let back = |many: usize| {
        let mut w = hospital();
        persons(&mut w, "21", 33, ("2026-03-01 09:00:00", "2026-03-05 10:00:00"));
        for n in 0..many {
            let again = ("2026-03-25 09:00:00", "2026-03-28 10:00:00");
            visit(&mut w, &format!("W{n}"), &format!("Q{n}"), ("21", "D1"), again, "300");
        }
        (count(&w, "A21"), count(&w, "J08"))
    };
    assert_eq!(back(3), (1, 1), "3 of 36 stays");
    assert_eq!(back(2), (0, 0), "2 of 35");
}

#[test]
fn a23_patients_of_whom_nobody_takes_anything() {
    let free = |many: usize| {
        let mut w = hospital();
        for n in 0..30 {
            let stay = ("2026-03-01 09:00:00", "2026-03-05 10:00:00");
            let paid = if n < many { "0" } else { "300" };
            visit(&mut w, &format!("V{n}"), &format!("Q{n}"), ("21", "D1"), stay, paid);
        }
        count(&w, "A23")
    };
    assert_eq!((free(10), free(9)), (1, 0));
}

#[test]
fn f12_1_visits_without_a_diagnosis() {
    let none = |many: usize| {
        let mut w = hospital();
        for n in 0..40 {
            let dx = if n < many { "" } else { "I10.x00" };
            let day = "2026-03-02 09:00:00";
            w.visit(&format!("V{n}"), &format!("Q{n}"), "11", day, day, dx);
        }
        count(&w, "F12-1")
    };
    assert_eq!((none(3), none(2)), (1, 0), "2 of 40 are 5 %");
}

#[test]
fn f14_the_same_note_about_several_persons() {
    const WORDS: &str = "患者神志清精神可饮食睡眠尚可双肺呼吸音清未闻及干湿性啰音心率齐腹软无压痛继续目前治疗观察病情变化";
    let noted = |persons: usize, doctor: fn(usize) -> String| {
        let mut w = hospital();
        for n in 0..persons {
            let id = format!("V{n}");
            w.visit(&id, &format!("Q{n}"), "21", "2026-03-01", "2026-03-05", "I10.x00");
            w.add(
                "note",
                &format!(
                    "mdtrt_id={id};note_no={n};note_time=2026-03-02;note_type=病程记录;psn_code={};text={WORDS}{n}",
                    doctor(n)
                ),
            );
        }
        count(&w, "F14")
    };
    let one = |_| "D001".to_owned();
    assert_eq!(noted(3, one), 1, "a number does not make it another note");
    assert_eq!(noted(2, one), 0);
    assert_eq!(noted(3, |n| format!("D{n}")), 0, "three doctors who learned from one book");
}

#[test]
fn g05_drugs_that_nobody_scanned() {
    let scanned = |many: usize| {
        let mut w = hospital();
        for n in 0..30 {
            let (id, day) = (format!("V{n}"), "2026-03-02 09:00:00");
            w.visit(&id, &format!("Q{n}"), "11", day, day, "I10.x00");
            w.fee(&id, &format!("F{n}"), DRUG, day, "1", "10");
            if n < many {
                w.add("trace", &format!("drug_trac_codg=8{n:019};fixmedins_code=H1;setl_id=S-{id};mdtrt_id={id};med_list_codg=X1;setl_time={day};refd_flag=0"));
            }
        }
        count(&w, "G05")
    };
    assert_eq!((scanned(23), scanned(24)), (1, 0), "6 of 30 are a fifth");
}

/// A hundred days of 100 yuan; then the last days of December.
#[test]
fn h04_the_last_days_of_the_year() {
    let last = |amount: &str| {
        let mut w = hospital();
        for n in 0..100 {
            let day = format!("2025-{:02}-{:02} 09:00:00", 1 + n / 25, 1 + n % 25);
            let id = format!("V{n}");
            w.visit(&id, &format!("Q{n}"), "11", &day, &day, "I10.x00");
            w.fee(&id, &format!("F{n}"), DRUG, &day, "1", "100");
        }
        let day = "2025-12-25 09:00:00";
        w.visit("Z", "Q1", "11", day, day, "I10.x00").fee("Z", "Z1", DRUG, day, "1", amount);
        count(&w, "H04")
    };
    assert_eq!((last("3001"), last("3000")), (1, 0));
}

#[test]
fn h16_one_doctor_one_day_one_bill_for_several_persons() {
    let billed = |persons: usize, lines: usize| {
        let mut w = hospital();
        for n in 0..persons {
            let (id, day) = (format!("V{n}"), "2026-03-02 09:00:00");
            w.visit(&id, &format!("Q{n}"), "11", day, day, "I10.x00");
            for l in 0..lines {
                let item = format!("T{l}|治疗{l}|05|201");
                w.fee(&id, &format!("F{n}-{l}"), &item, day, "1", "10");
            }
        }
        count(&w, "H16")
    };
    assert_eq!((billed(3, 5), billed(2, 5), billed(3, 4)), (1, 0, 0));
}

#[test]
fn i05_more_patients_on_a_day_than_a_doctor_sees() {
    let seen = |many: usize| {
        let mut w = hospital();
        persons(&mut w, "11", many, ("2026-03-02 09:00:00", "2026-03-02 09:00:00"));
        count(&w, "I05")
    };
    assert_eq!((seen(121), seen(120)), (1, 0));
}

/// Four months, of which the first and the last are not whole.
#[test]
fn j10_a_month_far_above_the_one_before() {
    let march = |amount: &str| {
        let mut w = hospital();
        for (n, of) in ["100", "100", amount, "900"].into_iter().enumerate() {
            let (id, day) = (format!("V{n}"), format!("2026-{:02}-09 09:00:00", n + 1));
            w.visit(&id, "P1", "11", &day, &day, "I10.x00");
            w.fee(&id, &format!("F{n}"), DRUG, &day, "1", of);
        }
        count(&w, "J10")
    };
    assert_eq!((march("151"), march("150")), (1, 0));
}

/// The peers' middle is 100 yuan a visit, half of them lie within 10 of it: 3.5 × 14.826 above is 151.89.
#[test]
fn j11_a_visit_that_costs_more_than_among_peers() {
    let mean = |amount: &str| {
        let mut w = hospital();
        for n in 0..30 {
            let (id, day) = (format!("V{n}"), "2026-03-02 09:00:00");
            w.visit(&id, &format!("Q{n}"), "11", day, day, "I10.x00");
            w.fee(&id, &format!("F{n}"), DRUG, day, "1", amount);
        }
        w.add("peer_stat", "rule=J11;grp=hosp_lv=05;period=2026;n=9;median=100;mad=10");
        count(&w, "J11")
    };
    assert_eq!((mean("152"), mean("151")), (1, 0));
}

#[test]
fn j12_one_department_earns_half_of_everything() {
    let first = |amount: &str| {
        let mut w = hospital();
        for (n, of) in [amount, "200", "200", "100"].into_iter().enumerate() {
            let (id, day) = (format!("V{n}"), "2026-03-02 09:00:00");
            visit(&mut w, &id, &format!("Q{n}"), ("11", &format!("D{n}")), (day, day), "300");
            w.fee(&id, &format!("F{n}"), DRUG, day, "1", of);
        }
        count(&w, "J12")
    };
    assert_eq!((first("501"), first("500")), (1, 0));
}
