//! What a draft asks for before it may become a record.

use super::*;
use spotcheck_domain::vocabulary::CredentialKind;

fn officer(name: &str, number: &str) -> Officer {
    Officer {
        name: name.to_owned(),
        agency: "示例市医疗保障局".to_owned(),
        credential_kind: CredentialKind::Enforcement,
        credential_number: number.to_owned(),
    }
}

#[test]
fn an_empty_interview_names_every_gap_in_words() {
    let mut draft = Draft::new("W04").unwrap();
    let gaps = draft.missing().unwrap();
    for gap in ["询问机关", "询问地点", "被询问人姓名", "第二名执法人员", "检查依据", "问答"]
    {
        assert!(gaps.contains(&gap.to_owned()), "{gap}: {gaps:?}");
    }
    assert!(!gaps.contains(&"联系电话".to_owned()), "open fields may stay empty");
    draft.answer(None, "昨晚谁值班？", "", None).unwrap();
    assert!(draft.missing().unwrap().contains(&"第 1 问的回答".to_owned()));
}

/// 行政处罚法 art. 42, 条例 art. 29: one officer twice is one officer.
#[test]
fn two_officers_are_two_different_credentials() {
    let mut draft = Draft::new("W03").unwrap();
    draft.officers = vec![officer("赵检查", "示A-0001"), officer("赵检查", "示A-0001 ")];
    assert!(draft.missing().unwrap().contains(&"第二名执法人员".to_owned()));
    draft.officers = vec![officer("赵检查", "示A-0001"), officer("钱核对", "示A-0002")];
    assert!(!draft.missing().unwrap().contains(&"第二名执法人员".to_owned()));
}

#[test]
fn what_the_program_fills_cannot_be_typed_and_unknown_keys_are_refused() {
    let mut draft = Draft::new("W03").unwrap();
    assert!(matches!(draft.set("begun", "昨天"), Err(Error::UnknownField)));
    assert!(matches!(draft.set("verdict", "x"), Err(Error::UnknownField)));
    assert!(matches!(draft.answer(None, "问", "答", None), Err(Error::UnknownField)));
    draft.prefill("begun", "2026年11月20日09时30分").unwrap();
    draft.set("place", " 三病区\r\n护士站 ").unwrap();
    assert_eq!(draft.value("place"), "三病区 护士站");
    draft.set("content", "一\r\n二\n").unwrap();
    assert_eq!(draft.value("content"), "一\n二");
}

#[test]
fn a_changed_answer_keeps_its_number_and_its_mark_in_the_audio() {
    let mut draft = Draft::new("W04").unwrap();
    draft.answer(None, "问一", "答一", Some(("E2", 1_900))).unwrap();
    draft.answer(None, "问二", "答二", Some(("E2", 61_900))).unwrap();
    let changed = draft.answer(Some(1), "问一", "答一，补充", Some(("E3", 5))).unwrap();
    assert_eq!((changed.n, changed.at_ms, changed.audio.as_deref()), (1, Some(1_900), Some("E2")));
    assert_eq!(draft.answers.len(), 2);
    assert!(draft.answer(Some(9), "问", "答", None).is_err());
}

#[test]
fn a_draft_survives_the_case_database() {
    let mut draft = Draft::new("W04").unwrap();
    draft.set("name", "张三").unwrap();
    let stored = serde_json::to_string(&draft).unwrap();
    assert_eq!(serde_json::from_str::<Draft>(&stored).unwrap(), draft);
    draft.set("remark", "好😀").unwrap();
    assert!(
        draft.gaps().unwrap().contains(&"被询问人补充说明中有无法打印的字符 U+1F600".to_owned())
    );
}
