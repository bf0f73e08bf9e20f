//! Stock movements beside the sales: purchases, a stock-taking, a change, a return.

use super::city::City;
use super::items::{ITEMS, code_of};
use super::out::{Rng, Tables, at, day, days_ago, time, yuan};

pub(super) fn build(tables: &mut Tables, rng: &mut Rng, city: &City) {
    let Some(pharmacy) = city.facilities.iter().find(|f| f.pharmacy) else { return };
    for item in ITEMS.iter().filter(|i| i.list_type == "101") {
        let code = pharmacy.code.to_owned();
        let batch = format!("PC{}2026", item.id);
        let head = || {
            vec![
                ("fixmedins_code", code.clone()),
                ("fixmedins_bchno", batch.clone()),
                ("med_list_codg", code_of(item.id)),
                ("fixmedins_hilist_id", format!("YN{}", item.id)),
                ("fixmedins_hilist_name", item.name.to_owned()),
                ("manu_lotnum", "LOT2026".to_owned()),
                ("manu_date", "2025-06-01".to_owned()),
                ("expy_end", "2028-05-31".to_owned()),
                ("rx_flag", "0".to_owned()),
            ]
        };
        for quarter in 0..4 {
            let mut row = head();
            row.extend([
                ("spler_name", "示例医药有限公司".to_owned()),
                ("prdr_name", "示例制药厂".to_owned()),
                ("aprvno", format!("国药准字示例{}", item.id)),
                ("finl_trns_pric", yuan(item.cents * 8 / 10)),
                ("purc_retn_cnt", rng.between(200, 400).to_string()),
                ("purc_invo_no", format!("FP{}{quarter}", item.id)),
                ("purc_retn_stoin_time", time(at(days_ago(360 - quarter * 90), 9, 0, 0))),
                ("purc_retn_opter_name", "张三".to_owned()),
            ]);
            tables.add("inv_purchase", row);
        }
        let mut row = head();
        row.extend([("invdate", day(days_ago(0))), ("inv_cnt", rng.between(20, 120).to_string())]);
        tables.add("inv_check", row);
    }
    if let Some(item) = ITEMS.iter().find(|i| i.id == "X001") {
        tables.add(
            "inv_change",
            vec![
                ("fixmedins_code", pharmacy.code.to_owned()),
                ("fixmedins_bchno", "PCX0012026".to_owned()),
                ("med_list_codg", code_of(item.id)),
                ("inv_chg_type", "104".to_owned()),
                ("fixmedins_hilist_id", "YNX001".to_owned()),
                ("fixmedins_hilist_name", item.name.to_owned()),
                ("pric", yuan(item.cents)),
                ("cnt", "2".to_owned()),
                ("rx_flag", "0".to_owned()),
                ("inv_chg_time", time(at(days_ago(30), 20, 0, 0))),
            ],
        );
    }
}
