//! K0 over whole settlements: what a refund of a settlement leaves to be judged (`book/visits.rs`, `book/order.rs`).
//!
//! One line that a rule speaks about, in a bill of 1000 yuan: newborn care of a man, three days of it (E02). The words
//! after each case are the amount that is still found, or none.

use super::support::{World, hospital};

const CARE: &str = "N8|新生儿护理|07|201";

/// A stay with three days of care in settlement `S-V1`.
fn billed() -> World {
    let mut w = hospital();
    w.stay("V1", 1, 5).fee("V1", "1", CARE, "2026-03-02", "3", "42");
    w
}

/// A settlement of so much that takes back `of`.
fn refund(w: &mut World, id: &str, of: &str, total: &str) {
    w.add(
        "setl_d",
        &format!(
            "setl_id={id};mdtrt_id=V1;fixmedins_code=H1;setl_time=2026-03-06;clr_way=01;\
             medfee_sumamt={total};fund_pay_sumamt=0;refd_setl_flag=1;init_setl_id={of}"
        ),
    );
}

/// A line of care in a settlement, with the line that it takes back.
fn line(w: &mut World, settlement: &str, sn: &str, (cnt, amount): (&str, &str), of: &str) {
    w.add(
        "fee_list_d",
        &format!(
            "bkkp_sn={sn};init_feedetl_sn={of};mdtrt_id=V1;setl_id={settlement};fixmedins_code=H1;\
             fee_ocur_time=2026-03-03;med_list_codg=N8;hilist_name=新生儿护理;med_chrgitm_type=07;\
             list_type=201;chrgitm_lv=01;cnt={cnt};pric=42;det_item_fee_sumamt={amount};\
             inscp_amt={amount};bilg_dr_code=D001"
        ),
    );
}

fn found(w: &World) -> Option<String> {
    let all = w.found("E02");
    assert!(all.len() < 2);
    all.first().map(|f| f.amount.unwrap().to_cents())
}

#[test]
fn nothing_is_taken_back() {
    assert_eq!(found(&billed()).as_deref(), Some("126.00"));
}

/// The house takes the bill back line by line, and bills one day of it anew: only the new line is judged.
#[test]
fn a_whole_refund_with_its_negative_lines() {
    let mut w = billed();
    refund(&mut w, "S2", "S-V1", "-1000");
    line(&mut w, "S2", "2", ("-3", "-126"), "1");
    assert_eq!(found(&w), None);
    w.add(
        "setl_d",
        "setl_id=S3;mdtrt_id=V1;fixmedins_code=H1;setl_time=2026-03-07;clr_way=01;medfee_sumamt=916;\
         fund_pay_sumamt=600",
    );
    line(&mut w, "S3", "3", ("1", "42"), "");
    assert_eq!(found(&w).as_deref(), Some("42.00"));
}

/// The refund is a settlement and nothing else: the lines of the first one are gone with it, those of the next stay.
#[test]
fn a_whole_refund_without_negative_lines() {
    let mut w = billed();
    refund(&mut w, "S2", "S-V1", "-1000");
    assert_eq!(found(&w), None);
    w.add(
        "setl_d",
        "setl_id=S3;mdtrt_id=V1;fixmedins_code=H1;setl_time=2026-03-07;clr_way=01;medfee_sumamt=958;\
         fund_pay_sumamt=600",
    );
    line(&mut w, "S3", "3", ("2", "84"), "");
    assert_eq!(found(&w).as_deref(), Some("84.00"));
    // Some houses write no amount on a cancelling settlement.
    let mut w = billed();
    refund(&mut w, "S2", "S-V1", "");
    assert_eq!(found(&w), None);
}

/// A part is taken back: what its lines say is set off, and without lines nobody can say which part it was.
#[test]
fn a_refund_of_a_part() {
    let mut w = billed();
    refund(&mut w, "S2", "S-V1", "-84");
    line(&mut w, "S2", "2", ("-2", "-84"), "1");
    assert_eq!(found(&w).as_deref(), Some("42.00"));
    let mut w = billed();
    refund(&mut w, "S2", "S-V1", "-84");
    assert_eq!(found(&w).as_deref(), Some("126.00"));
}

/// The refund is of a bill that is not in the data: it changes nothing here, with lines or without.
#[test]
fn a_refund_whose_original_is_missing() {
    let mut w = billed();
    refund(&mut w, "S2", "S0", "-1000");
    assert_eq!(found(&w).as_deref(), Some("126.00"));
    line(&mut w, "S2", "2", ("-3", "-126"), "77");
    assert_eq!(found(&w).as_deref(), Some("126.00"));
}

/// A day too many was entered and taken back at once, in the same bill (a correction at the till). Then the bill is
/// cancelled, and written anew with two days: nothing of the first one stands beside them.
#[test]
fn a_correction_inside_a_cancelled_bill() {
    let corrected = || {
        let mut w = billed();
        line(&mut w, "S-V1", "2", ("1", "42"), "");
        line(&mut w, "S-V1", "3", ("-1", "-42"), "2");
        w
    };
    let anew = |w: &mut World, total: &str| {
        w.add(
            "setl_d",
            &format!(
                "setl_id=S3;mdtrt_id=V1;fixmedins_code=H1;setl_time=2026-03-07;clr_way=01;\
                 medfee_sumamt={total};fund_pay_sumamt=600"
            ),
        );
        line(w, "S3", "8", ("2", "84"), "");
    };
    assert_eq!(found(&corrected()).as_deref(), Some("126.00"));
    // Cancelled without a line, with its amount and without it.
    for total in ["-1000", ""] {
        let mut w = corrected();
        refund(&mut w, "S2", "S-V1", total);
        assert_eq!(found(&w), None, "{total}");
        anew(&mut w, "958");
        assert_eq!(found(&w).as_deref(), Some("84.00"), "{total}");
    }
    // Cancelled by turning every line round: the correction becomes a line with a plus.
    let mut w = corrected();
    refund(&mut w, "S2", "S-V1", "-1000");
    line(&mut w, "S2", "5", ("-3", "-126"), "1");
    line(&mut w, "S2", "6", ("-1", "-42"), "2");
    line(&mut w, "S2", "7", ("1", "42"), "3");
    assert_eq!(found(&w), None);
    anew(&mut w, "958");
    assert_eq!(found(&w).as_deref(), Some("84.00"));
}

/// Two bills of one stay are cancelled, one line by line and one without a word: each pair for itself.
#[test]
fn two_cancelled_bills_are_judged_each_for_itself() {
    let mut w = billed();
    w.add(
        "setl_d",
        "setl_id=S4;mdtrt_id=V1;fixmedins_code=H1;setl_time=2026-03-05;clr_way=01;medfee_sumamt=42;\
         fund_pay_sumamt=30",
    );
    line(&mut w, "S4", "4", ("1", "42"), "");
    assert_eq!(found(&w).as_deref(), Some("168.00"));
    refund(&mut w, "S5", "S4", "-42");
    line(&mut w, "S5", "5", ("-1", "-42"), "4");
    assert_eq!(found(&w).as_deref(), Some("126.00"));
    refund(&mut w, "S2", "S-V1", "-1000");
    assert_eq!(found(&w), None);
}

/// A refund without an amount whose lines name a part: the lines say which part it was.
#[test]
fn a_refund_without_an_amount_is_what_its_lines_say() {
    let mut w = billed();
    refund(&mut w, "S2", "S-V1", "");
    line(&mut w, "S2", "2", ("-2", "-84"), "1");
    assert_eq!(found(&w).as_deref(), Some("42.00"));
}
