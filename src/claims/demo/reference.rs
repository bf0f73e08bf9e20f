//! The reference data of the demo city: invented rules, prices by level, restrictions, cases.
//!
//! Everything is marked 示例 and made up; nothing of it is the text of a law. Prices of 二级 are the limits
//! of the city's catalogue, so that what is looked up beside a fee line agrees with what the rules say.
//! It lies in a folder of its own beside the tables: `spotcheck-center policy add OUT/reference` takes it.

use std::fmt::Write as _;
use std::path::Path;

use super::items::{ITEMS, code_of};
use super::out::yuan;
use crate::error::{Error, Result};

/// Folder inside the demo city.
pub(super) const FOLDER: &str = "reference";

const RULES: &str = include_str!("reference/rules.txt");
const OLD_RULES: &str = include_str!("reference/old-rules.txt");
const NOTICE: &str = include_str!("reference/notice.md");
const CASES: &str = include_str!("reference/cases.txt");

/// What an item covers and leaves out, where the demo says so.
fn meaning(id: &str) -> (&'static str, &'static str) {
    match id {
        "B001" => ("含水电、空调、常规消毒。三人及以上房间", "陪护床"),
        "C001" => ("医护人员对住院患者的日常诊察", ""),
        "N001" => ("每小时巡视、观察病情、实施基础护理", "特殊药品"),
        "S003" => ("含图像存储与诊断报告", "对比剂"),
        "S004" => ("含图文报告。同一部位每日计收一次", ""),
        "S010" => ("按部位计收。每部位20分钟", "电极片"),
        "N005" => ("按实际吸氧小时计收且每日不超过24小时", "一次性吸氧管"),
        "O001" => ("含腔镜使用", "吻合器、钛夹"),
        _ => ("", ""),
    }
}

fn restriction(id: &str) -> &'static str {
    match id {
        "X008" => "限有明确诊断的高脂血症或冠心病二级预防(示例)",
        "X009" => "限胃食管反流、消化性溃疡且疗程不超过8周(示例)",
        "X011" => "限二级及以上医疗机构住院使用(示例)",
        "M004" => "限骨折内固定手术使用(示例)",
        "S010" => "限康复医学科开具且每日不超过两个部位(示例)",
        _ => "",
    }
}

/// Writes the folder.
pub(super) fn write(city: &Path) -> Result<()> {
    let folder = city.join(FOLDER);
    std::fs::create_dir_all(&folder).map_err(Error::io("reference folder"))?;
    let put = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).map_err(Error::io(name.to_owned()))
    };
    put("rules-2024-12.txt", RULES)?;
    put("rules-2019-8.txt", OLD_RULES)?;
    put("notice-2025-3.md", NOTICE)?;
    put("cases.txt", CASES)?;
    put("prices.csv", &prices())?;
    put("drugs.csv", &listed("药品代码", "药品名称", &["101", "102"]))?;
    put("consumables.csv", &listed("医用耗材代码", "耗材名称", &["301"]))?;
    put("points.csv", &points())
}

/// Services with limits by level: 二级 as the catalogue, 三级 a tenth more, 一级 a tenth less.
fn prices() -> String {
    let mut text = String::from(
        "项目编码,项目名称,项目内涵,除外内容,计价单位,三级(元),二级(元),一级(元),备注,生效日期\r\n",
    );
    for item in ITEMS.iter().filter(|i| i.list_type == "201") {
        let second = item.cents + item.cents / 20;
        let (covers, leaves) = meaning(item.id);
        let _ = write!(
            text,
            "{},{},{covers},{leaves},{},{},{},{},{},2024-01-01\r\n",
            code_of(item.id),
            item.name,
            item.unit,
            yuan(second + second / 10),
            yuan(second),
            yuan(second - second / 10),
            restriction(item.id)
        );
    }
    text
}

fn listed(code: &str, name: &str, list_types: &[&str]) -> String {
    let mut text = format!("{code},{name},单位,甲乙类,医保支付标准,限定支付范围,生效日期\r\n");
    for item in ITEMS.iter().filter(|i| list_types.contains(&i.list_type)) {
        let _ = write!(
            text,
            "{},{},{},{},{},{},2024-01-01\r\n",
            code_of(item.id),
            item.name,
            item.unit,
            item.level,
            yuan(item.cents + item.cents / 20),
            restriction(item.id)
        );
    }
    text
}

fn points() -> String {
    let mut text = String::from("知识点编码,规则名称,知识点内容,生效日期\r\n");
    let points = [
        ("S004", "限定频次", "同一部位每日使用数量超过1次(示例)"),
        ("N005", "限定频次", "每日使用数量总计超过24小时(示例)"),
        ("B001", "重复收费", "普通病房床位费和层流洁净病房床位费同日收费(示例)"),
        ("S010", "限定频次", "每日使用数量总计超过2个部位(示例)"),
    ];
    for (id, rule, point) in points {
        let _ = write!(text, "{},{rule},{point},2025-01-01\r\n", code_of(id));
    }
    text
}
