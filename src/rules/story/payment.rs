//! How a stay is paid decides whether lines can be added up to a loss (rules.md, Loss).

use super::support::{CT, World, hospital};
use crate::{Finding, LossMethod};

/// The same three wrong lines: three CT scans beside an enhanced one that contains them.
fn three_wrong_lines(clr_way: &str, more: impl FnOnce(&mut World)) -> Vec<Finding> {
    let mut w = hospital();
    w.add(
        "mdtrt_d",
        "mdtrt_id=V1;psn_no=P1;fixmedins_code=H1;med_type=21;insutype=310;begntime=2026-03-01 09:00:00;\
         endtime=2026-03-09 10:00:00;adm_dept_codg=D1;adm_dept_name=内科;dscg_maindiag_code=I10.x00;dscg_way=1",
    );
    w.settle("V1", "1000", "700", clr_way, "2026-03-09");
    for day in 2..5 {
        let at = format!("2026-03-{day:02} 09:00:00");
        w.fee("V1", &format!("A{day}"), "E2|CT增强扫描|03|201", &at, "1", "400");
        w.fee("V1", &format!("B{day}"), CT, &at, "1", "200");
    }
    more(&mut w);
    w.found("B14")
}

fn lines(found: &[Finding]) -> usize {
    found.iter().map(|f| f.bkkp_sn.len()).sum()
}

/// Paid item by item the three lines are an amount; paid by DRG, or in a way nobody uploaded, they are lines with
/// their gross amount, and the loss is 待核算.
#[test]
fn the_same_three_lines_are_an_amount_by_item_and_not_yet_one_by_drg() {
    let by_item = three_wrong_lines("01", |_| {});
    assert_eq!(lines(&by_item), 3);
    for f in &by_item {
        assert_eq!(f.loss_method, LossMethod::A);
        assert!(f.fund_amount.is_some());
    }
    let drg = |w: &mut World| {
        w.add(
            "grp",
            "setl_id=S-V1;mdtrt_id=V1;pay_way=drg;grp_code=FR11;grp_name=高血压;pay_std_amt=900",
        );
    };
    for grouped in
        [three_wrong_lines("", drg), three_wrong_lines("01", drg), three_wrong_lines("", |_| {})]
    {
        assert_eq!(lines(&grouped), 3, "the facts are the same");
        for f in &grouped {
            assert_eq!(f.loss_method, LossMethod::N);
            assert!(f.amount.is_some(), "the gross amount stands");
            assert_eq!(f.fund_amount, None, "no sum of lines is called a loss of the fund");
        }
    }
    let gross = |found: &[Finding]| {
        found.iter().filter_map(|f| f.amount).map(|a| a.to_cents()).collect::<Vec<_>>()
    };
    assert_eq!(gross(&by_item), gross(&three_wrong_lines("", drg)));
}
