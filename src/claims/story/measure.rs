#![allow(clippy::all, clippy::pedantic, missing_docs, unused, reason = "temporary")]
use super::{Centre, RealEntropy};
use spotcheck_domain::claims::{ClaimsReader as _, Page};
use std::fmt::Write as _;
use std::time::Instant;
#[test]
fn measure() {
    let n: u64 = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(350_000);
    let lines_per: u64 = std::env::var("L").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let dir = tempfile::tempdir().unwrap();
    let sur = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文";
    let giv = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文华建国志红玉金海春雪梅龙飞宇浩子轩梓涵雨欣怡佳慧婷晓东小波云鹏辉峰亮健康安宁家豪嘉俊思远天佑";
    let sur: Vec<char> = sur.chars().collect();
    let giv: Vec<char> = giv.chars().collect();
    let mut rng = crate::demo::test_rng(5);
    let mut psn = String::from("psn_no,psn_name,certno,gend,brdy,tel,insutype\n");
    let mut vis = String::from(
        "mdtrt_id,psn_no,fixmedins_code,med_type,begntime,endtime,wardarea_bed,adm_bed,ipt_otp_no\n",
    );
    let mut fee = String::from(
        "bkkp_sn,mdtrt_id,setl_id,psn_no,fixmedins_code,fee_ocur_time,med_type,med_list_codg,hilist_name,medins_list_codg,medins_list_name,list_type,med_chrgitm_type,chrgitm_lv,cnt,pric,det_item_fee_sumamt,inscp_amt,bilg_dept_codg,bilg_dept_name,bilg_dr_code,bilg_dr_name,vali_flag\n",
    );
    for i in 0..n {
        let r = rng();
        // surname rank by squaring: the first are far more frequent
        let u = (r % 10_000) as f64 / 10_000.0;
        let s = sur[((u * u) * sur.len() as f64) as usize];
        let a = giv[(r >> 16) as usize % giv.len()];
        let b = if r >> 60 < 3 {
            String::new()
        } else {
            giv[(r >> 32) as usize % giv.len()].to_string()
        };
        let r2 = rng();
        writeln!(
            psn,
            "{:020},{s}{a}{b},990101{:08}{:04},1,1980-01-01,199{:08},310",
            9901_0000_0000u64 * 1000 + r2 % 1_000_000_000_000,
            19400101 + r2 % 800000,
            r2 % 10000,
            r2 % 100_000_000
        )
        .unwrap();
        let no = 9901_0000_0000u64 * 1000 + r2 % 1_000_000_000_000;
        let day = r2 % 28 + 1;
        let month = (r2 >> 8) % 12 + 1;
        writeln!(vis, "990101G{i:013},{no:020},H01,11,2026-{month:02}-{day:02} 08:00:00,2026-{month:02}-{day:02} 09:00:00,,,MZ{i}").unwrap();
        for l in 0..lines_per {
            let it = rng() % 3000;
            writeln!(fee, "F{i:08}{l:04},990101G{i:013},990101S{i:013},{no:020},H01,2026-{month:02}-{day:02} 08:{:02}:00,11,XD99{it:06}A001010100001,药品名称{it},YN{it},院内药品名称{it},101,09,01,2,{}.25,{}.50,{}.50,D{:02},科室{},D990101{:04},医师{},1", l % 60, it % 100, (it % 100) * 2, (it % 100) * 2, it % 20, it % 20, it % 400, it % 400).unwrap();
        }
    }
    std::fs::write(
        dir.path().join("fixmedins_b.csv"),
        "fixmedins_code,fixmedins_name\nH01,示例医院\n",
    )
    .unwrap();
    std::fs::write(dir.path().join("psn.csv"), psn).unwrap();
    std::fs::write(dir.path().join("mdtrt_d.csv"), vis).unwrap();
    std::fs::write(dir.path().join("setl_d.csv"), "setl_id,mdtrt_id,fixmedins_code\n").unwrap();
    std::fs::write(dir.path().join("fee_list_d.csv"), fee).unwrap();
    let centre = Centre::new();
    let t = Instant::now();
    let (r, rej) = centre.import(dir.path());
    eprintln!(
        "import {:?} {:?} rejects {}",
        t.elapsed(),
        r.entities["fee_list_d"].imported,
        rej.len()
    );
    let t = Instant::now();
    let package = centre.package("H01", None);
    eprintln!("package {:?} {:?}", t.elapsed(), package.built.manifest.files);
    let t = Instant::now();
    let reader = package.open();
    eprintln!("open {:?}", t.elapsed());
    for (name, t) in &package.built.manifest.tables {
        if t.rows > 0 {
            eprintln!("{name} {}", t.rows);
        }
    }
    let mut queries: Vec<String> =
        vec!["王".into(), "李".into(), "w".into(), "z".into(), "1".into(), "国".into()];
    for _ in 0..600 {
        let r = rng();
        let s = sur[(r % sur.len() as u64) as usize];
        let a = giv[(r >> 16) as usize % giv.len()];
        let b = giv[(r >> 32) as usize % giv.len()];
        match r % 8 {
            0 => queries.push(s.to_string()),
            1 => queries.push(format!("{s}{a}")),
            2 => queries.push(format!("{s}{a}{b}")),
            3 => queries.push(format!("{a}{b}")),
            4 => queries.push(format!("{:04}", (r >> 20) % 10000)),
            5 => queries.push(crate::search::forms(&format!("{s}{a}{b}")).initials[0].clone()),
            6 => queries.push(crate::search::forms(&format!("{s}{a}")).full[0].clone()),
            _ => queries.push(crate::search::forms(&format!("{s}{a}{b}")).full[0].clone()),
        }
    }
    let mut times = Vec::new();
    for q in &queries {
        let reader = package.open(); // cold cache
        let t = Instant::now();
        let hits = reader.search_persons(q, Page::first(50)).unwrap();
        times.push((t.elapsed().as_micros(), q.clone(), hits.len()));
    }
    for (name, f) in [
        ("han", (|q: &str| !q.is_ascii()) as fn(&str) -> bool),
        ("digits", |q| q.bytes().all(|b| b.is_ascii_digit())),
        ("initials", |q| q.is_ascii() && q.len() <= 3 && q.bytes().all(|b| b.is_ascii_lowercase())),
        ("pinyin", |q| q.is_ascii() && q.len() > 3 && q.bytes().all(|b| b.is_ascii_lowercase())),
    ] {
        let mut t: Vec<u128> = times.iter().filter(|t| f(&t.1)).map(|t| t.0).collect();
        t.sort();
        eprintln!(
            "{name} n {} p50 {} p99 {} max {}",
            t.len(),
            t[t.len() / 2],
            t[t.len() * 99 / 100],
            t.last().unwrap()
        );
    }
    times.sort();
    eprintln!(
        "p50 {:?} p90 {:?} p99 {:?} max {:?}",
        times[times.len() / 2],
        times[times.len() * 9 / 10],
        times[times.len() * 99 / 100],
        times.last()
    );
    for q in ["王", "w", "1"] {
        let t: Vec<_> = times.iter().filter(|t| t.1 == q).collect();
        eprintln!("{t:?}");
    }
    eprintln!("{:?}", &times[times.len() - 8..]);
    let sizes = reader
        .db()
        .prepare("SELECT name, SUM(pgsize) FROM dbstat GROUP BY 1 ORDER BY 2 DESC LIMIT 15")
        .and_then(|mut s| {
            let v: Vec<(String, i64)> =
                s.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
            Ok(v)
        });
    eprintln!("{sizes:?}");
}
