//! The price list: services, drugs, herbs, consumables with prices in cents and limits.

mod listed;

use super::out::{Tables, yuan};
use listed::LISTED;

/// One item. Names of drugs and services are generic; codes and prices are made up.
pub(super) struct Item {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) list_type: &'static str,
    pub(super) charge: &'static str,
    pub(super) level: &'static str,
    pub(super) unit: &'static str,
    pub(super) cents: i64,
}

const fn item(
    id: &'static str,
    name: &'static str,
    list_type: &'static str,
    charge: &'static str,
    level: &'static str,
    unit: &'static str,
    cents: i64,
) -> Item {
    Item { id, name, list_type, charge, level, unit, cents }
}

pub(super) const ITEMS: &[Item] = &[
    item("B001", "普通病房床位费(三人间)", "201", "01", "01", "日", 4_000),
    item("C001", "住院诊察费", "201", "02", "01", "日", 1_500),
    item("C002", "普通门诊诊察费", "201", "02", "01", "次", 1_000),
    item("C003", "急诊诊察费", "201", "02", "01", "次", 1_800),
    item("N001", "一级护理", "201", "07", "01", "日", 3_000),
    item("N002", "二级护理", "201", "07", "01", "日", 1_800),
    item("N003", "静脉输液", "201", "05", "01", "组", 800),
    item("N004", "肌肉注射", "201", "05", "01", "次", 350),
    item("N005", "吸氧", "201", "05", "01", "小时", 300),
    item("S001", "血常规检查", "201", "04", "01", "次", 1_850),
    item("S002", "肝肾功能生化检查", "201", "04", "01", "次", 8_600),
    item("S003", "CT平扫", "201", "03", "02", "部位", 19_800),
    item("S004", "彩色多普勒超声", "201", "03", "02", "部位", 11_000),
    item("S005", "心电图检查", "201", "03", "01", "次", 2_100),
    item("S006", "数字化摄影(DR)", "201", "03", "01", "片", 6_500),
    item("S010", "中频脉冲电治疗", "201", "05", "02", "部位", 2_600),
    item("S011", "普通针刺", "201", "05", "01", "次", 2_300),
    item("S012", "运动疗法", "201", "05", "02", "45分钟", 4_500),
    item("S013", "红外线治疗", "201", "05", "02", "20分钟", 900),
    item("O001", "腹腔镜下胆囊切除术", "201", "06", "01", "次", 168_000),
    item("O002", "阑尾切除术", "201", "06", "01", "次", 96_000),
    item("O003", "骨折切开复位内固定术", "201", "06", "01", "次", 210_000),
    item("O004", "全身麻醉", "201", "06", "01", "2小时", 65_000),
    item("X001", "阿莫西林胶囊", "101", "09", "01", "盒", 1_260),
    item("X002", "注射用头孢曲松钠", "101", "09", "01", "支", 485),
    item("X003", "氯化钠注射液", "101", "09", "01", "袋", 320),
    item("X004", "葡萄糖注射液", "101", "09", "01", "袋", 310),
    item("X005", "阿司匹林肠溶片", "101", "09", "01", "盒", 1_575),
    item("X006", "硝苯地平控释片", "101", "09", "01", "盒", 2_280),
    item("X007", "盐酸二甲双胍片", "101", "09", "01", "盒", 1_895),
    item("X008", "阿托伐他汀钙片", "101", "09", "02", "盒", 3_640),
    item("X009", "奥美拉唑肠溶胶囊", "101", "09", "02", "盒", 1_420),
    item("X010", "布洛芬缓释胶囊", "101", "09", "01", "盒", 1_780),
    item("X011", "注射用血栓通", "101", "11", "02", "支", 3_650),
    item("Z001", "六味地黄丸", "101", "11", "01", "盒", 2_350),
    item("Z002", "连花清瘟胶囊", "101", "11", "01", "盒", 1_480),
    item("H001", "黄芪", "102", "10", "01", "克", 12),
    item("H002", "当归", "102", "10", "01", "克", 18),
    item("H003", "白术", "102", "10", "01", "克", 15),
    item("M001", "一次性使用输液器", "301", "08", "01", "套", 450),
    item("M002", "静脉留置针", "301", "08", "02", "支", 2_180),
    item("M003", "医用敷料", "301", "08", "03", "片", 1_250),
    item("M004", "金属接骨板", "301", "08", "02", "块", 186_000),
];

/// What only the stories of the planted city need.
pub(super) const MORE: &[Item] = &[
    item("B002", "病房保留床位费", "201", "01", "01", "日", 2_000),
    item("B003", "层流洁净病房床位费", "201", "01", "01", "日", 32_000),
    item("B004", "病房空气净化费", "201", "01", "01", "日", 500),
    item("B005", "双人间床位费加收", "201", "01", "01", "日", 8_000),
    item("C004", "急诊监护费", "201", "05", "01", "日", 9_600),
    item("N006", "特级护理", "201", "07", "01", "日", 12_000),
    item("N007", "一般专项护理", "201", "07", "01", "次", 2_600),
    item("N008", "新生儿护理", "201", "07", "01", "日", 4_200),
    item("N009", "心电监护", "201", "05", "01", "小时", 400),
    item("S014", "康复综合评定", "201", "05", "01", "次", 5_200),
    item("S020", "白细胞计数", "201", "04", "01", "项", 400),
    item("S023", "CT增强扫描", "201", "03", "02", "部位", 32_000),
    item("S024", "磁共振平扫", "201", "03", "02", "部位", 42_000),
    item("S025", "磁共振增强扫描", "201", "03", "02", "部位", 64_000),
    item("S026", "胸部CT平扫", "201", "03", "02", "部位", 19_800),
    item("S027", "颅脑CT增强扫描", "201", "03", "02", "部位", 32_000),
    item("S030", "手术标本病理检查", "201", "04", "01", "例", 18_000),
    item("S031", "宫颈液基细胞学检查", "201", "04", "01", "次", 16_500),
    item("S032", "前列腺超声检查", "201", "03", "01", "次", 9_800),
    item("O005", "冠状动脉支架置入术", "201", "06", "01", "次", 386_000),
    item("O006", "冠状动脉造影术", "201", "05", "01", "次", 245_000),
    item("O007", "肺癌根治术", "201", "06", "01", "次", 465_000),
    item("O008", "纵隔淋巴结清扫术", "201", "06", "01", "次", 198_000),
    item("O009", "气管插管术", "201", "05", "01", "次", 12_000),
    item("O010", "麻醉恢复室监护", "201", "05", "01", "次", 16_000),
    item("O011", "剖宫产术", "201", "06", "01", "次", 152_000),
    item("O012", "大抢救", "201", "05", "01", "日", 22_000),
    item("O013", "重症监护", "201", "05", "01", "日", 28_800),
    item("O014", "疝修补术", "201", "06", "01", "次", 124_000),
    item("D001", "血液透析", "201", "05", "01", "次", 41_000),
    item("D002", "血液透析滤过", "201", "05", "01", "次", 62_000),
    item("D003", "血液滤过置换液", "301", "08", "02", "袋", 8_800),
    item("P001", "静脉用药集中调配费", "201", "05", "01", "组", 1_200),
    item("K001", "激光祛斑治疗", "201", "05", "03", "次", 48_000),
    item("X012", "左氧氟沙星片", "101", "09", "01", "盒", 2_860),
    item("X013", "人血白蛋白", "101", "09", "02", "瓶", 38_600),
    item("X014", "注射用紫杉醇", "101", "09", "02", "支", 96_000),
    item("X021", "硫酸氢氯吡格雷片", "101", "09", "02", "盒", 4_650),
    item("X022", "瑞舒伐他汀钙片", "101", "09", "02", "盒", 3_180),
    item("X023", "缬沙坦胶囊", "101", "09", "01", "盒", 2_740),
    item("X024", "阿卡波糖片", "101", "09", "01", "盒", 3_260),
    item("X025", "孟鲁司特钠片", "101", "09", "02", "盒", 3_980),
    item("X026", "多潘立酮片", "101", "09", "01", "盒", 1_640),
    item("X032", "左氧氟沙星滴眼液", "101", "09", "01", "支", 1_860),
    item("S036", "新生儿听力复筛", "201", "03", "01", "次", 9_000),
    item("S033", "64排CT平扫", "201", "03", "02", "部位", 32_000),
    item("S034", "中药定向透药治疗", "201", "05", "01", "次", 4_800),
    item("S035", "刮痧治疗", "201", "05", "01", "次", 2_200),
    item("K002", "特需陪护服务", "201", "05", "03", "日", 12_000),
    item("X031", "丙泊酚乳状注射液", "101", "09", "01", "支", 2_600),
    item("M007", "医用激光胶片", "301", "08", "02", "张", 1_500),
    item("M008", "金属裸支架", "301", "08", "02", "个", 260_000),
    item("M005", "药物洗脱冠脉支架", "301", "08", "02", "个", 780_000),
    item("M006", "人工髋关节", "301", "08", "02", "套", 1_260_000),
];

/// The item with an id of [`ITEMS`], [`MORE`] or [`LISTED`].
pub(super) fn find(id: &str) -> Option<&'static Item> {
    ITEMS.iter().chain(MORE).chain(LISTED).find(|i| i.id == id)
}

/// `med_list_codg` of an item: the shape of the national codes (23 characters for drugs).
pub(super) fn code_of(id: &str) -> String {
    let letter = id.chars().next().unwrap_or('S');
    let digits = id.get(1..).unwrap_or_default();
    match letter {
        'X' | 'Z' => format!("{letter}D99{digits}A001010100001990{digits}"),
        'H' => format!("T0099{digits}99"),
        'M' => format!("C99{digits}010000000000990"),
        _ => format!("0099{:02}{digits}0000-{letter}{digits}", u32::from(letter) % 100),
    }
}

pub(super) fn catalogue(tables: &mut Tables) {
    for item in ITEMS {
        tables.add(
            "catalogue",
            vec![
                ("med_list_codg", code_of(item.id)),
                ("hilist_name", item.name.to_owned()),
                ("list_type", item.list_type.to_owned()),
                ("chrgitm_lv", item.level.to_owned()),
                // Limits are at or a little above the price charged.
                ("pric_uplmt_amt", yuan(item.cents + item.cents / 20)),
                ("unit", item.unit.to_owned()),
                ("begndate", "2024-01-01".to_owned()),
                ("enddate", String::new()),
            ],
        );
    }
}

/// The price list of the planted city: all lists; ultrasound has a new limit from June on.
pub(super) fn catalogue_of(tables: &mut Tables) {
    for item in ITEMS.iter().chain(MORE).chain(LISTED) {
        let limit = item.cents + item.cents / 20;
        let prices: &[(i64, &str, &str)] = if item.id == "S004" {
            &[(limit, "2024-01-01", "2026-05-31"), (10_000, "2026-06-01", "")]
        } else {
            &[(limit, "2024-01-01", "")]
        };
        for (limit, from, to) in prices {
            tables.add(
                "catalogue",
                vec![
                    ("med_list_codg", code_of(item.id)),
                    ("hilist_name", item.name.to_owned()),
                    ("list_type", item.list_type.to_owned()),
                    ("chrgitm_lv", item.level.to_owned()),
                    ("pric_uplmt_amt", yuan(*limit)),
                    ("unit", item.unit.to_owned()),
                    ("begndate", (*from).to_owned()),
                    ("enddate", (*to).to_owned()),
                ],
            );
        }
    }
}
