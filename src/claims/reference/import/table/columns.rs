//! Names of columns: the national ones, and those that price tables and catalogues carry in the field.

use spotcheck_domain::reference::EntryKind;

use crate::reference::fold;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Code,
    Title,
    Alias,
    Text,
    /// Shown in the text under its own name: specification, maker.
    Described,
    Excluded,
    Unit,
    Limit,
    Restriction,
    ChargeLevel,
    ListType,
    Begin,
    End,
    Number,
    Issuer,
    Article,
}

/// Names per field, folded. A name stands in one list only.
const NAMES: &[(Field, &[&str])] = &[
    (
        Field::Code,
        &[
            "med_list_codg",
            "medlistcodg",
            "项目编码",
            "项目代码",
            "国家项目编码",
            "编码",
            "代码",
            "医保编码",
            "医保代码",
            "国家编码",
            "国家代码",
            "国家医保编码",
            "药品代码",
            "药品编码",
            "国家药品代码",
            "国家药品编码",
            "耗材代码",
            "耗材编码",
            "医用耗材代码",
            "医用耗材编码",
            "诊断代码",
            "诊断编码",
            "疾病代码",
            "疾病编码",
            "diag_code",
            "dise_codg",
            "手术代码",
            "手术编码",
            "手术操作代码",
            "手术操作编码",
            "oprn_oprt_code",
            "案例编号",
            "知识点编码",
            "code",
        ],
    ),
    (
        Field::Title,
        &[
            "hilist_name",
            "项目名称",
            "名称",
            "药品名称",
            "通用名",
            "通用名称",
            "注册名称",
            "药品通用名",
            "耗材名称",
            "医用耗材名称",
            "诊断名称",
            "疾病名称",
            "diag_name",
            "dise_name",
            "手术名称",
            "手术操作名称",
            "oprn_oprt_name",
            "标题",
            "案例名称",
            "案例标题",
            "规则名称",
            "文件名称",
            "文件标题",
            "title",
            "name",
        ],
    ),
    (Field::Alias, &["商品名", "别名", "英文名", "俗称", "简称", "曾用名", "alias"]),
    (
        Field::Text,
        &[
            "项目内涵",
            "内涵",
            "服务产出",
            "价格构成",
            "说明",
            "项目说明",
            "案情",
            "案情简介",
            "内容",
            "正文",
            "条文",
            "条文内容",
            "知识点",
            "知识点内容",
            "逻辑",
            "规则逻辑",
            "text",
        ],
    ),
    (
        Field::Described,
        &[
            "规格",
            "剂型",
            "型号",
            "规格型号",
            "材质",
            "生产企业",
            "生产厂家",
            "企业名称",
            "注册证号",
            "批准文号",
            "分类",
        ],
    ),
    (Field::Excluded, &["除外内容", "除外耗材", "除外"]),
    (Field::Unit, &["计价单位", "单位", "最小计价单位", "最小包装单位", "unit"]),
    (
        Field::Restriction,
        &[
            "备注",
            "限制",
            "支付限制",
            "限定支付范围",
            "医保支付范围",
            "限制使用范围",
            "支付范围",
            "限定范围",
            "计价说明",
            "restriction",
        ],
    ),
    (
        Field::ChargeLevel,
        &["chrgitm_lv", "甲乙类", "费用等级", "收费项目等级", "报销等级", "支付类别", "医保类别"],
    ),
    (Field::ListType, &["list_type", "目录类别"]),
    (
        Field::Begin,
        &[
            "begndate",
            "生效日期",
            "开始日期",
            "执行日期",
            "启用日期",
            "施行日期",
            "生效时间",
            "有效期起",
            "begin",
        ],
    ),
    (
        Field::End,
        &[
            "enddate",
            "失效日期",
            "终止日期",
            "结束日期",
            "停用日期",
            "截止日期",
            "失效时间",
            "有效期止",
            "end",
        ],
    ),
    (Field::Number, &["文号", "文件号", "number"]),
    (Field::Issuer, &["发布机关", "发文机关", "制定机关", "发文单位", "issuer"]),
    (Field::Article, &["条号", "条款", "条款号", "article"]),
];

/// Columns of price limits: name, level (see `LevelLimit`).
const LIMITS: &[(&str, &str)] = &[
    ("pric_uplmt_amt", ""),
    ("价格", ""),
    ("最高限价", ""),
    ("限价", ""),
    ("支付标准", ""),
    ("医保支付标准", ""),
    ("最高收费标准", ""),
    ("收费标准", ""),
    ("limit", ""),
    ("limit_3", "3"),
    ("limit_2", "2"),
    ("limit_1", "1"),
    ("limit_0", "0"),
];

/// Words before or after which a level stands in the name of a limit.
const GRADES: &[(&str, &str)] =
    &[("三级", "3"), ("二级", "2"), ("一级", "1"), ("未定级", "0"), ("未评级", "0")];

/// Level of a limit column such as 三级, 三级医院, 三级价格, 三级医疗机构最高限价.
fn level_of(name: &str) -> Option<&'static str> {
    if let Some((_, level)) = LIMITS.iter().find(|(n, _)| *n == name) {
        return Some(level);
    }
    let (word, level) = GRADES.iter().find(|(word, _)| name.starts_with(word))?;
    let rest = name.strip_prefix(word)?;
    let rest =
        ["甲等", "医疗机构", "医院", "公立"].iter().fold(rest.to_owned(), |r, w| r.replace(w, ""));
    let known = ["", "价格", "限价", "最高限价", "收费标准", "最高收费标准", "支付标准", "标准"];
    // 三级甲等 is a level of its own, and no price of other 三级 hospitals.
    if name.contains("甲等") {
        return known.contains(&rest.as_str()).then_some(match *level {
            "3" => "02",
            "2" => "05",
            "1" => "08",
            other => other,
        });
    }
    known.contains(&rest.as_str()).then_some(level)
}

/// A name without the unit in brackets behind it: 价格(元) is 价格.
fn bare(name: &str) -> String {
    let name = super::super::head::half(name);
    let name = name.split('(').next().unwrap_or_default();
    fold(name)
}

/// The columns of one table, matched.
#[derive(Debug, Default)]
pub(super) struct Header {
    fields: Vec<(usize, Field, String)>,
    levels: Vec<(usize, &'static str)>,
}

impl Header {
    pub(super) fn new(names: &[String]) -> Self {
        let mut header = Self::default();
        for (at, name) in names.iter().enumerate() {
            let (bare, whole) = (bare(name), fold(name));
            if let Some(level) = level_of(&bare) {
                if !header.levels.iter().any(|(_, l)| *l == level) {
                    header.levels.push((at, level));
                    header.fields.push((at, Field::Limit, name.clone()));
                }
                continue;
            }
            let known =
                NAMES.iter().find(|(_, names)| names.iter().any(|n| *n == bare || *n == whole));
            if let Some((field, _)) = known {
                header.fields.push((at, *field, name.clone()));
            }
        }
        header
    }

    /// The first column of a field.
    pub(super) fn one(&self, field: Field) -> Option<usize> {
        self.all(field).next()
    }

    /// Columns whose texts belong together; codes, names and dates have one only.
    pub(super) fn all(&self, field: Field) -> impl Iterator<Item = usize> + '_ {
        let joined =
            matches!(field, Field::Alias | Field::Text | Field::Restriction | Field::Excluded);
        let most = if joined { usize::MAX } else { 1 };
        self.fields.iter().filter(move |(_, f, _)| *f == field).map(|(at, _, _)| *at).take(most)
    }

    /// Columns that are shown in the text under their own names.
    pub(super) fn described(&self) -> impl Iterator<Item = (usize, &str)> {
        let described = self.fields.iter().filter(|(_, f, _)| *f == Field::Described);
        described.map(|(at, _, name)| (*at, name.as_str()))
    }

    /// Columns of limits with their levels.
    pub(super) fn limits(&self) -> impl Iterator<Item = (usize, &'static str)> + '_ {
        self.levels.iter().copied()
    }

    /// The source's own name of the first column of a field.
    pub(super) fn name(&self, field: Field) -> String {
        let found = self.fields.iter().find(|(_, f, _)| *f == field);
        found.map(|(_, _, name)| name.clone()).unwrap_or_default()
    }

    /// Columns that are not used.
    pub(super) fn ignored(&self, names: &[String]) -> Vec<String> {
        let used = |at: usize, field: Field| {
            self.all(field).any(|n| n == at) || matches!(field, Field::Limit | Field::Described)
        };
        let unused = names.iter().enumerate().filter(|(at, name)| {
            !name.is_empty() && !self.fields.iter().any(|(n, f, _)| n == at && used(*at, *f))
        });
        unused.map(|(_, name)| name.clone()).collect()
    }

    /// The kind that the names of code and name column give away.
    pub(super) fn kind(&self) -> Option<EntryKind> {
        let names = [self.name(Field::Code), self.name(Field::Title), self.name(Field::Text)];
        let has = |words: &[&str]| names.iter().any(|n| words.iter().any(|w| bare(n).contains(w)));
        let kinds: &[(EntryKind, &[&str])] = &[
            (EntryKind::Consumable, &["耗材"]),
            (EntryKind::Drug, &["药品", "通用名"]),
            (EntryKind::Operation, &["手术", "oprn"]),
            (EntryKind::Diagnosis, &["诊断", "疾病", "diag", "dise"]),
            (EntryKind::Case, &["案例", "案情"]),
            (EntryKind::Point, &["知识点", "规则名称"]),
            (EntryKind::Article, &["条文", "文件名称", "文件标题"]),
            (EntryKind::Item, &["项目"]),
        ];
        kinds.iter().find(|(_, words)| has(words)).map(|(kind, _)| *kind)
    }
}

/// The kind that a file or sheet is called by.
pub(super) fn kind_of_name(name: &str) -> Option<EntryKind> {
    let name = fold(name);
    let kinds: &[(EntryKind, &[&str])] = &[
        (EntryKind::Consumable, &["耗材", "consumable"]),
        (EntryKind::Drug, &["药品", "drug"]),
        (EntryKind::Operation, &["手术操作", "icd9", "icd-9"]),
        (EntryKind::Diagnosis, &["诊断", "icd10", "icd-10"]),
        (EntryKind::Case, &["案例"]),
        (EntryKind::Point, &["知识点"]),
        (EntryKind::Item, &["服务项目", "项目价格", "catalogue"]),
    ];
    kinds.iter().find(|(_, words)| words.iter().any(|w| name.contains(w))).map(|(kind, _)| *kind)
}

/// The kind of a national `list_type`.
pub(super) fn kind_of_list_type(list_type: &str) -> Option<EntryKind> {
    match list_type {
        "101" | "102" | "103" | "104" => Some(EntryKind::Drug),
        "201" => Some(EntryKind::Item),
        "301" => Some(EntryKind::Consumable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Header, level_of};
    use spotcheck_domain::reference::EntryKind;

    #[test]
    fn a_price_table_of_the_field_is_understood() {
        let names: Vec<String> = [
            "项目编码",
            "项目名称",
            "项目内涵",
            "除外内容",
            "计价单位",
            "三级(元)",
            "二级医院价格",
            "一级最高限价",
            "三级甲等",
            "备注",
            "序号",
            "生效日期",
        ]
        .map(str::to_owned)
        .to_vec();
        let header = Header::new(&names);
        assert_eq!(header.kind(), Some(EntryKind::Item));
        let limits: Vec<_> = header.limits().collect();
        assert_eq!(limits, [(5, "3"), (6, "2"), (7, "1"), (8, "02")]);
        assert_eq!(header.one(Field::Begin), Some(11));
        assert_eq!(header.ignored(&names), ["序号"]);
        assert_eq!(level_of("三级护理"), None, "the name of an item is no price");
    }
}
