//! The forms as data: what the screen asks for, what the paper needs, who signs in which order.
//!
//! Screen, sub-commands and completeness check read these tables; nothing about a single form is coded
//! anywhere else. Labels are the words of the paper. Sources: domain research §2 (W03, W04, W25, signature
//! order P → W → R → O1, O2).

use crate::Error;

/// One field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldSpec {
    /// Stable key: member name in the elements.
    pub key: &'static str,
    /// Label on screen and paper.
    pub label: &'static str,
    /// Freezing waits until it is filled. Other fields are struck through when empty.
    pub required: bool,
    /// Several paragraphs.
    pub multiline: bool,
    /// Filled by the program (organ, times, numbers of the facility); shown, not edited.
    pub fixed: bool,
}

/// Who signs a form by hand, in the order of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The party (被检查人, 被询问人): every page.
    Party,
    /// A witness, where the party is absent, refuses or cannot sign.
    Witness,
    /// Who wrote the record; left out where an officer wrote it.
    Recorder,
    /// All officers.
    Officers,
}

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormSpec {
    /// `W03`, `W04`, `W25`.
    pub id: &'static str,
    /// Name of the document.
    pub title: &'static str,
    /// Word for the party on this form.
    pub party: &'static str,
    /// Fields in their order.
    pub fields: &'static [FieldSpec],
    /// Has questions and answers.
    pub interview: bool,
    /// Order of signatures.
    pub signers: &'static [Signer],
}

impl FormSpec {
    /// The field of this key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|f| f.key == key)
    }

    /// Label of a member of the elements, also of those that are lists.
    #[must_use]
    pub fn label(&self, key: &str) -> String {
        let list = match key {
            "officers" => "执法人员",
            "basis" => "检查依据",
            "answers" => "问答",
            other => return self.field(other).map_or(other, |f| f.label).to_owned(),
        };
        list.to_owned()
    }
}

const fn fixed(key: &'static str, label: &'static str, required: bool) -> FieldSpec {
    FieldSpec { key, label, required, multiline: false, fixed: true }
}

const fn needed(key: &'static str, label: &'static str) -> FieldSpec {
    FieldSpec { key, label, required: true, multiline: false, fixed: false }
}

const fn open(key: &'static str, label: &'static str) -> FieldSpec {
    FieldSpec { key, label, required: false, multiline: false, fixed: false }
}

const fn long(mut field: FieldSpec) -> FieldSpec {
    field.multiline = true;
    field
}

const SIGNERS: &[Signer] = &[Signer::Party, Signer::Witness, Signer::Recorder, Signer::Officers];

const W03: FormSpec = FormSpec {
    id: "W03",
    title: "现场检查笔录",
    party: "被检查人",
    fields: &[
        fixed("organ", "检查机关", true),
        fixed("number", "文书编号", false),
        fixed("begun", "检查开始时间", true),
        fixed("ended", "检查结束时间", true),
        needed("place", "检查地点"),
        fixed("subject", "被检查单位（人）名称", true),
        fixed("subject_code", "统一社会信用代码（证件号码）", false),
        fixed("fixmedins_code", "定点医药机构编码", false),
        open("subject_head", "法定代表人（负责人）"),
        open("subject_addr", "地址"),
        open("subject_phone", "联系电话"),
        needed("present_name", "现场负责人"),
        open("present_id", "现场负责人证件号码"),
        open("present_post", "现场负责人职务"),
        needed("recorder", "记录人"),
        long(needed("recusal", "是否申请回避的答复")),
        long(needed("content", "现场检查情况")),
        long(open("measures", "采取的措施")),
        long(open("attachments", "附件")),
        long(open("remark", "被检查人的意见")),
    ],
    interview: false,
    signers: SIGNERS,
};

const W04: FormSpec = FormSpec {
    id: "W04",
    title: "询问（调查）笔录",
    party: "被询问人",
    fields: &[
        fixed("organ", "询问机关", true),
        fixed("number", "文书编号", false),
        fixed("nth", "第几次询问", true),
        fixed("begun", "询问开始时间", true),
        fixed("ended", "询问结束时间", true),
        needed("place", "询问地点"),
        needed("name", "被询问人姓名"),
        needed("sex", "性别"),
        open("birth", "出生日期（年龄）"),
        needed("id_number", "身份证件种类及号码"),
        open("employer", "工作单位"),
        open("post", "职务（职业）"),
        open("address", "住址"),
        open("phone", "联系电话"),
        needed("relation", "与本案的关系"),
        open("guardian", "监护人或陪同人"),
        needed("recorder", "记录人"),
        long(needed("recusal", "是否申请回避的答复")),
        long(open("remark", "被询问人补充说明")),
    ],
    interview: true,
    signers: SIGNERS,
};

/// Who refuses does not sign: a witness may, where there is one, and the officers do. Which of the acts of
/// 实施细则 art. 16 it was is the officers' word and is never prefilled.
const W25: FormSpec = FormSpec {
    id: "W25",
    title: "拒绝（阻碍）检查记录",
    party: "被检查人",
    fields: &[
        fixed("organ", "检查机关", true),
        fixed("number", "文书编号", false),
        fixed("begun", "记录开始时间", true),
        fixed("ended", "记录结束时间", true),
        needed("place", "地点"),
        fixed("subject", "被检查单位（人）名称", true),
        fixed("subject_code", "统一社会信用代码（证件号码）", false),
        fixed("fixmedins_code", "定点医药机构编码", false),
        open("subject_addr", "地址"),
        open("present_name", "在场人员姓名"),
        open("present_post", "在场人员职务"),
        needed("recorder", "记录人"),
        needed("code", "实施细则第十六条所列情形"),
        long(needed("acts", "时间、言语和行为")),
        long(open("told", "执法人员告知的内容")),
        long(open("deadline", "要求及期限")),
        long(open("recordings", "录音录像")),
        long(open("remark", "见证人及其他情况")),
    ],
    interview: false,
    signers: &[Signer::Witness, Signer::Officers],
};

/// All forms this program can fill.
#[must_use]
pub const fn forms() -> &'static [FormSpec] {
    &[W03, W04, W25]
}

/// The form of this id.
///
/// # Errors
/// [`Error::UnknownForm`].
pub fn form(id: &str) -> Result<&'static FormSpec, Error> {
    forms().iter().find(|f| f.id == id).ok_or(Error::UnknownForm)
}
