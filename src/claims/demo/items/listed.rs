//! Items that only one story of the planted city bills. Most stand on the example lists of its region: every one is
//! billed by the story of its own limit and by nobody else, so that no list can touch the rest of the city.

use super::{Item, item};

const fn drug(id: &'static str, name: &'static str, cents: i64) -> Item {
    item(id, name, "101", "09", "01", "盒", cents)
}

const fn herb(id: &'static str, name: &'static str) -> Item {
    item(id, name, "102", "10", "01", "克", 14)
}

const fn service(id: &'static str, name: &'static str, charge: &'static str, cents: i64) -> Item {
    item(id, name, "201", charge, "01", "次", cents)
}

const fn consumable(id: &'static str, name: &'static str, cents: i64) -> Item {
    item(id, name, "301", "08", "01", "件", cents)
}

pub(super) const LISTED: &[Item] = &[
    drug("X101", "示例限适应症片", 9_800),
    drug("X102", "示例儿童限用颗粒", 5_600),
    drug("X103", "示例儿童型口服液", 4_200),
    drug("X104", "示例妇科用胶囊", 6_400),
    drug("X105", "示例限级别注射液", 12_500),
    drug("X106", "示例限急诊注射液", 8_600),
    drug("X107", "示例限疗程注射液", 7_200),
    drug("X108", "示例限量片", 3_600),
    drug("X109", "示例限生育片", 5_200),
    drug("X110", "示例糖尿病病种用片", 6_600),
    drug("X111", "示例高血压病种用片", 5_800),
    drug("X112", "示例相互作用片甲", 2_600),
    drug("X113", "示例相互作用片乙", 3_100),
    drug("X114", "示例同类片甲", 4_400),
    drug("X115", "示例同类片乙", 4_900),
    drug("X116", "示例限日量注射液", 2_200),
    drug("X117", "示例说明书限用片", 3_300),
    drug("X118", "示例胃病禁用片", 2_900),
    drug("X119", "示例特殊级抗菌片", 8_800),
    drug("X120", "示例预防用抗菌针", 3_900),
    drug("X121", "示例互联网不支付片", 4_100),
    drug("X122", "示例靶向片", 68_000),
    drug("X123", "示例重点监控注射剂", 5_400),
    drug("X124", "示例抗肿瘤注射剂", 46_000),
    drug("X125", "示例处方药片", 3_700),
    drug("X126", "示例药店妇科片", 4_600),
    drug("X127", "示例二线降糖片", 9_400),
    drug("X128", "示例一线降糖片", 1_900),
    drug("X129", "示例药店不支付片", 5_100),
    drug("X130", "示例老年慎用片", 2_700),
    drug("X131", "示例低价购进片", 4_800),
    herb("H101", "示例不予支付饮片"),
    herb("H102", "示例单方不予支付饮片"),
    service("S101", "示例基因位点测定", "04", 98_000),
    service("S102", "示例康复科项目", "05", 6_800),
    service("S103", "示例急诊项目", "05", 7_400),
    service("S104", "示例医院项目", "05", 5_900),
    service("S105", "示例限级别项目", "05", 11_200),
    service("S106", "示例限疗程项目", "05", 4_300),
    service("S107", "示例限生育项目", "05", 6_100),
    service("S108", "示例限适应症项目", "05", 8_200),
    service("S109", "示例限指征检查", "03", 14_600),
    service("S110", "示例限指征治疗", "05", 5_700),
    service("S111", "示例禁忌项目", "05", 6_900),
    service("S112", "示例综合项目", "05", 9_600),
    service("S113", "示例综合项目的步骤", "05", 3_200),
    service("S114", "示例系统检查", "05", 12_000),
    service("S115", "示例系统检查的部位", "05", 2_400),
    service("S116", "示例含耗材项目", "05", 15_000),
    service("S117", "示例限日次项目", "05", 4_800),
    service("S118", "示例限月次项目", "05", 3_900),
    service("S119", "示例限额项目", "05", 10_000),
    service("S120", "示例一小时手法治疗", "05", 7_000),
    service("S121", "示例长时设备项目", "05", 26_000),
    service("S122", "示例银屑病光疗", "05", 5_500),
    service("O103", "示例经皮肾镜取石术", "06", 148_000),
    service("O104", "示例介入项目", "05", 24_000),
    consumable("M101", "示例小儿型导管", 16_000),
    consumable("M102", "示例限额耗材", 25_000),
    consumable("M103", "示例介入耗材", 38_000),
    consumable("M104", "示例骨科耗材", 21_000),
    consumable("M105", "示例限量耗材", 18_000),
    consumable("M106", "示例妇科耗材", 13_000),
    consumable("M107", "示例限病种耗材", 22_000),
    consumable("M108", "示例项目所含耗材", 4_000),
    // Enough herbs for a prescription that is too large.
    herb("H201", "甘草"),
    herb("H202", "茯苓"),
    herb("H203", "党参"),
    herb("H204", "陈皮"),
    herb("H205", "半夏"),
    herb("H206", "柴胡"),
    herb("H207", "白芍"),
    herb("H208", "川芎"),
    herb("H209", "熟地黄"),
    herb("H210", "桔梗"),
    herb("H211", "桂枝"),
    herb("H212", "麦冬"),
    herb("H213", "五味子"),
    herb("H214", "山药"),
    herb("H215", "泽泻"),
    herb("H216", "牡丹皮"),
    herb("H217", "山茱萸"),
    herb("H218", "枸杞子"),
];
