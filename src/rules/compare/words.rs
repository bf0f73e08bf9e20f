//! Header words of hospitals' own systems, per field, as vendors and clerks write them.
//!
//! Words only propose; values decide. Latin ones are field names of the national interface and the pinyin
//! initials that column names of many databases consist of.

use super::Field;
use super::value::name;

/// Words of a field: the first ones are the usual ones.
const fn words(field: Field) -> &'static [&'static str] {
    match field {
        Field::Visit => &[
            "住院号",
            "就诊号",
            "病案号",
            "登记号",
            "门诊号",
            "就诊流水号",
            "住院流水号",
            "就诊id",
            "就诊编号",
            "门诊住院号",
            "住院门诊号",
            "患者登记号",
            "病历号",
            "挂号序号",
            "住院登记号",
            "入院号",
            "住院编号",
            "就医号",
            "就诊序号",
            "首页序号",
            "病人号",
            "mdtrt_id",
            "ipt_otp_no",
            "medrcdno",
            "inpatient_no",
            "visit_id",
            "visit_no",
            "adm_no",
            "zyh",
            "mzh",
            "bah",
            "jzh",
            "jzlsh",
            "zylsh",
        ],
        Field::FeeTime => &[
            "费用日期",
            "费用发生时间",
            "费用时间",
            "费用发生日期",
            "记账时间",
            "记账日期",
            "计费时间",
            "计费日期",
            "收费日期",
            "收费时间",
            "执行时间",
            "执行日期",
            "发生时间",
            "发生日期",
            "明细时间",
            "记帐日期",
            "记帐时间",
            "开单时间",
            "医嘱日期",
            "结算时间",
            "结算日期",
            "发药时间",
            "日期",
            "时间",
            "fee_ocur_time",
            "fee_date",
            "charge_date",
            "charge_time",
            "billing_date_time",
            "fyrq",
            "jfrq",
            "fysj",
            "sfrq",
            "jzrq",
            "jzsj",
        ],
        Field::ItemCode => &[
            "医保编码",
            "医保项目编码",
            "医保目录编码",
            "国家医保编码",
            "医保代码",
            "国家编码",
            "国家码",
            "国家医保代码",
            "国标码",
            "贯标码",
            "医保码",
            "项目国家编码",
            "医疗目录编码",
            "hilist_code",
            "med_list_codg",
            "ybbm",
            "ybdm",
            "gjbm",
        ],
        Field::LocalCode => &[
            "项目编码",
            "项目代码",
            "收费项目编码",
            "收费项目代码",
            "院内编码",
            "院内代码",
            "院内项目编码",
            "药品编码",
            "物价编码",
            "物价码",
            "医院编码",
            "医院项目编码",
            "收费编码",
            "费用编码",
            "本地编码",
            "medins_list_codg",
            "item_code",
            "charge_code",
            "xmbm",
            "xmdm",
            "sfxmbm",
        ],
        Field::ItemName => &[
            "项目名称",
            "收费项目",
            "费用名称",
            "收费项目名称",
            "医保项目名称",
            "药品名称",
            "项目",
            "医嘱名称",
            "收费名称",
            "费用项目",
            "院内项目名称",
            "医院项目名称",
            "名称",
            "品名",
            "hilist_name",
            "medins_list_name",
            "item_name",
            "charge_name",
            "xmmc",
            "fymc",
            "sfxmmc",
            "ypmc",
        ],
        Field::Cnt => &[
            "数量",
            "实发数量",
            "计费数量",
            "收费数量",
            "记账数量",
            "执行数量",
            "使用数量",
            "总量",
            "次数",
            "发药数量",
            "cnt",
            "qty",
            "quantity",
            "amount_qty",
            "sl",
            "fysl",
        ],
        Field::Pric => &[
            "单价",
            "价格",
            "零售价",
            "收费单价",
            "项目单价",
            "计费单价",
            "实际单价",
            "单价元",
            "pric",
            "price",
            "unit_price",
            "dj",
            "fydj",
        ],
        Field::Amount => &[
            "金额",
            "费用金额",
            "实收金额",
            "总金额",
            "应收金额",
            "总费用",
            "金额元",
            "收费金额",
            "费用",
            "合计金额",
            "明细金额",
            "总价",
            "费用总额",
            "det_item_fee_sumamt",
            "fee",
            "charges",
            "costs",
            "total_amount",
            "je",
            "fyje",
            "ssje",
            "zje",
        ],
        Field::PersonName => &[
            "姓名",
            "患者姓名",
            "病人姓名",
            "参保人姓名",
            "患者",
            "病人",
            "psn_name",
            "patient_name",
            "name",
            "xm",
            "hzxm",
            "brxm",
        ],
        Field::PersonNo => &[
            "人员编号",
            "身份证号",
            "证件号码",
            "个人编号",
            "医保编号",
            "身份证",
            "医保卡号",
            "社保卡号",
            "证件号",
            "参保人编号",
            "个人电脑号",
            "psn_no",
            "certno",
            "id_card",
            "sfzh",
            "grbh",
        ],
        Field::Settlement => &[
            "结算号",
            "结算id",
            "医保结算号",
            "结算流水号",
            "结算单号",
            "结算编号",
            "发票号",
            "setl_id",
            "jsh",
            "jslsh",
        ],
        Field::Serial => &[
            "费用明细流水号",
            "明细流水号",
            "记账流水号",
            "费用流水号",
            "明细序号",
            "明细id",
            "费用id",
            "处方明细号",
            "流水号",
            "费用序号",
            "记账序号",
            "feedetl_sn",
            "bkkp_sn",
            "detail_id",
            "mxlsh",
            "mxid",
            "fyid",
        ],
        Field::Refund => &[
            "退费标志",
            "退费",
            "退费标识",
            "退费状态",
            "红冲标志",
            "冲销标志",
            "冲正标志",
            "费用状态",
            "退药标志",
            "是否退费",
            "记录性质",
            "交易类型",
            "refd_flag",
            "refund_flag",
            "tfbz",
            "zfbz",
        ],
    }
}

/// Words that make a likely header another thing.
const fn against(field: Field) -> &'static [&'static str] {
    match field {
        Field::Visit => &["次数", "天数", "科", "医生"],
        Field::FeeTime => &["入院", "出院", "出生", "打印", "导出", "审核"],
        Field::ItemCode | Field::LocalCode => &["医生", "医师", "科室", "诊断", "规格"],
        Field::ItemName => {
            &["医生", "医师", "科室", "病人", "患者", "诊断", "病区", "厂家", "医院名"]
        }
        Field::Cnt => &["天数", "价", "金额", "退"],
        Field::Pric => &["限价", "进价", "批发"],
        Field::Amount => &["统筹", "自付", "自费", "报销", "优惠", "账户", "余额", "押金", "数量"],
        Field::PersonName => &["医生", "医师", "项目", "科", "操作", "录入", "联系"],
        Field::PersonNo => &["医生", "医师", "操作", "联系"],
        Field::Settlement => &["时间", "日期", "金额"],
        Field::Serial => &["时间", "日期", "结算", "住院", "就诊"],
        Field::Refund => &["金额", "数量", "时间", "日期", "原因"],
    }
}

/// Header text without unit, brackets and separators.
pub(super) fn plain(header: &str) -> String {
    let folded = name(header);
    let cut = folded.split(['(', '[', '【']).next().unwrap_or_default();
    let cut = if cut.is_empty() { folded.as_str() } else { cut };
    cut.chars().filter(|c| !matches!(c, ':' | '*' | '.' | '-' | ' ')).collect()
}

/// How well a header speaks for a field, 0–100.
pub(super) fn speaks(field: Field, header: &str) -> u32 {
    let header = plain(header);
    if header.is_empty() {
        return 0;
    }
    let list = words(field);
    if let Some(at) = list.iter().position(|w| *w == header) {
        return if at < 6 { 100 } else { 90 };
    }
    if against(field).iter().any(|w| header.contains(w)) {
        return 0;
    }
    // A long word inside a longer header says more than a short one.
    let inside = |w: &&&str| !w.is_ascii() && w.chars().count() >= 2 && header.contains(**w);
    let longest = list.iter().filter(inside).map(|w| w.chars().count()).max();
    match longest {
        None => 0,
        Some(2) => 45,
        Some(_) => 65,
    }
}

/// True if the text can be a header of any field, or of what usually stands beside them.
pub(super) fn is_header(text: &str) -> bool {
    const BESIDE: &[&str] = &[
        "序号",
        "性别",
        "年龄",
        "科室",
        "病区",
        "床号",
        "医生",
        "医师",
        "规格",
        "单位",
        "剂型",
        "入院",
        "出院",
        "诊断",
        "类别",
        "备注",
        "操作员",
        "执行",
        "开单",
        "费别",
        "厂家",
        "医保",
        "统筹",
        "自付",
        "比例",
        "等级",
        "机构",
        "编号",
        "代码",
        "编码",
    ];
    let folded = plain(text);
    let short = folded.chars().count() <= 16;
    short
        && (Field::ALL.iter().any(|f| speaks(*f, text) >= 45)
            || BESIDE.iter().any(|w| folded.contains(w)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("住院号", Field::Visit)]
    #[case("费用发生时间", Field::FeeTime)]
    #[case("单价(元)", Field::Pric)]
    #[case("实收金额（元）", Field::Amount)]
    #[case("ZYH", Field::Visit)]
    #[case("det_item_fee_sumamt", Field::Amount)]
    #[case("患者 姓名", Field::PersonName)]
    fn usual_headers_speak_for_one_field(#[case] header: &str, #[case] field: Field) {
        let best = Field::ALL.iter().max_by_key(|f| speaks(**f, header));
        assert_eq!(best, Some(&field));
    }

    #[rstest]
    #[case("开单医生姓名", Field::PersonName)]
    #[case("出院日期", Field::FeeTime)]
    #[case("统筹金额", Field::Amount)]
    fn headers_of_other_things_do_not(#[case] header: &str, #[case] field: Field) {
        assert_eq!(speaks(field, header), 0);
    }
}
