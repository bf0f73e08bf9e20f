//! Every dirt case of claims.md §1 that lies inside one cell.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use super::{Cell, Value, read, real_text, sheet_time, time};
use crate::schema::{Column, Kind};
use rstest::rstest;
use std::borrow::Cow;

fn column(kind: Kind) -> Column {
    Column { name: "x", kind, required: false }
}

fn text(t: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(t))
}

#[rstest]
#[case("2026-11-20", "2026-11-20")]
#[case("2026-11-20\t", "2026-11-20")]
#[case("20261120", "2026-11-20")]
#[case("2026/1/2", "2026-01-02")]
#[case("2026-11-20 09:30:05", "2026-11-20 09:30:05")]
#[case("2026-11-20 09:30:05.0", "2026-11-20 09:30:05")]
#[case("2026-11-20 09:30", "2026-11-20 09:30")]
#[case("20261120093005", "2026-11-20 09:30:05")]
#[case("2026-11-20T01:30:05Z", "2026-11-20 09:30:05")]
#[case("2026-11-20T09:30:05+08:00", "2026-11-20 09:30:05")]
#[case("2026-11-19T20:30:05-0500", "2026-11-20 09:30:05")]
#[case("2026-11-20T09:30:05", "2026-11-20 09:30:05")]
fn times_in_every_shape_of_the_contract(#[case] given: &str, #[case] expected: &str) {
    let instant = time(given).expect("time");
    assert_eq!(instant.display(), expected);
}

#[rstest]
#[case("09:30:05")]
#[case("2026-02-30")]
#[case("2026-13-01")]
#[case("20261")]
#[case("0000-00-00")]
#[case("昨天")]
#[case("45981")]
#[case("2026-11-20 25:00:00")]
#[case("20-11-2026")]
fn what_is_no_time_is_refused(#[case] given: &str) {
    assert_eq!(time(given), None);
}

#[test]
fn ids_stay_text_and_lost_digits_are_noticed() {
    let id = column(Kind::Id);
    assert_eq!(read(&id, &text("0012\t")), Ok(Value::Text("0012".to_owned())));
    assert_eq!(read(&id, &Cell::Real(123.0)), Ok(Value::Text("123".to_owned())));
    assert_eq!(read(&id, &Cell::Int(123)), Ok(Value::Text("123".to_owned())));
    assert!(read(&id, &Cell::Real(4.301_021_990_010_112e17)).is_err());
}

#[test]
fn lost_leading_zeros_come_back_only_where_the_code_table_has_them() {
    assert_eq!(read(&column(Kind::Code(2)), &text("1")), Ok(Value::Text("01".to_owned())));
    assert_eq!(read(&column(Kind::Code(2)), &Cell::Real(1.0)), Ok(Value::Text("01".to_owned())));
    assert_eq!(read(&column(Kind::Code(0)), &text("1")), Ok(Value::Text("1".to_owned())));
    assert_eq!(read(&column(Kind::Code(2)), &text("甲")), Ok(Value::Text("甲".to_owned())));
}

#[test]
fn money_is_exact_or_refused() {
    let money = column(Kind::Money);
    assert_eq!(read(&money, &text(" 1,234.50 ")), Ok(Value::Int(1_234_500_000)));
    assert_eq!(read(&money, &text("-0.1")), Ok(Value::Int(-100_000)));
    assert_eq!(read(&money, &Cell::Real(0.1 + 0.2)), Ok(Value::Int(300_000)));
    assert!(read(&money, &text("0.1234567")).is_err());
    assert!(read(&money, &Cell::Real(0.123_456_7)).is_err());
    assert!(read(&money, &text("1e3")).is_err());
    assert_eq!(read(&money, &text("")), Ok(Value::Null));
    assert_eq!(real_text(-0.0), Ok("0".to_owned()));
}

#[rstest]
#[case("81234567890123456789")]
#[case("[{\"drug_trac_codg\":\"81234567890123456789\"}]")]
#[case("[{\"drug_trac_code\":\"81234567890123456789\"}]")]
#[case("[\"81234567890123456789\"]")]
fn trace_codes_in_all_three_shapes(#[case] given: &str) {
    let value = read(&column(Kind::TraceCodes), &text(given));
    assert_eq!(value, Ok(Value::Text("81234567890123456789".to_owned())));
}

#[test]
fn several_trace_codes_of_one_row_are_kept() {
    let value = read(
        &column(Kind::TraceCodes),
        &text("[{\"drug_trac_codg\":\"81\"},{\"drug_trac_codg\":\"82\"}]"),
    );
    assert_eq!(value, Ok(Value::Text("81,82".to_owned())));
    assert!(read(&column(Kind::TraceCodes), &text("[{\"x\":1}]")).is_err());
}

#[test]
fn spreadsheet_dates() {
    let (at, _) = sheet_time(46_346.0, false).expect("date");
    assert_eq!(at.to_string(), "2026-11-20 00:00:00");
    let (at, _) = sheet_time(46_346.395_891_203_7, false).expect("time");
    assert_eq!(at.to_string(), "2026-11-20 09:30:05");
    let (at, _) = sheet_time(1.0, false).expect("date");
    assert_eq!(at.to_string(), "1900-01-01 00:00:00");
}

#[test]
fn required_cells_and_broken_encoding_are_refused() {
    let must = Column { name: "x", kind: Kind::Id, required: true };
    assert!(read(&must, &text(" \t")).is_err());
    assert!(read(&must, &text("a\u{fffd}")).is_err());
}
