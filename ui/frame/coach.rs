//! Hints: what a screen is for, once, on the first visit to it.
//!
//! A hint is a card above the content that hides nothing and stops nobody: the thumb may go on working, or say
//! 知道了. Which were read is kept with the officer's settings; 设备 shows them all again.

use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_face::Shell;

use crate::app::{App, Place};
use crate::frame::settings;
use crate::language::{mark, word};

/// Name of a hint and its words, two sentences at most.
const HINTS: [(&str, &str); 36] = [
    (
        "today",
        mark!("任务、数据包和待回传的证据都在这一页。点任务卡进入现场；没有网络也能一直做下去。"),
    ),
    (
        "task",
        mark!(
            "从上往下做：出示证件、登记当事人、核查、笔录、收尾。出了状况随时点右上角“撤离”，已有的证据照样封存带走。"
        ),
    ),
    (
        "suspicions",
        mark!(
            "红可直接核对，黄待核实，绿只是方向；先看权重长的。点开一条，核对后选“事实属实、排除、待补证”。"
        ),
    ),
    (
        "suspicion",
        mark!("先看“为什么可能不成立”，再下判断。判断错了，10 秒内可以撤销，以后也能改。"),
    ),
    (
        "persons",
        mark!(
            "可以输姓名、拼音首字母、证件后四位、住院号或床号，也可以直接点病区。每打开一个人都会留下查看记录。"
        ),
    ),
    (
        "person",
        mark!("上面是一年的就诊时间图，重叠和间隔一眼可见。点“显名”才看得到全名，并记入日志。"),
    ),
    ("visit", mark!("点费用条只看一类，点日期收起一天。点一行明细，看它当天的限价和支付规定。")),
    (
        "lookup",
        mark!("一个框查政策条文、价格项目、限定、诊断和案例。按费用发生那天的有效版本回答。"),
    ),
    (
        "collect",
        mark!("照片、录音、询问、文书都从这里开始。没写说明的证据先放进托盘，晚些再归类也不会丢。"),
    ),
    ("capture", mark!("一按就拍，不用先填表。录音在锁屏和换页时都继续，离开这一页也不会停。")),
    ("interview", mark!("问和答分开记，答要用对方的原话。打错了可以改，改过的地方都会留痕。")),
    ("document", mark!("先把必填的项填完，再定稿。定稿以后内容就不能改了，改要另出更正。")),
    ("finish", mark!("这里列出还差什么、为什么要补。差的补不了也可以封存，但要写明原因。")),
    (
        "seal",
        mark!("两名检查员各输各的 PIN，封存后谁也不能再改。以后补充的内容另成一包，指回这一包。"),
    ),
    ("sync", mark!("有网时自动回传，断了从断点接着传。显示“中心已收”才算交到，之前本机一直保留。")),
    ("indicators", mark!("数字都能点到明细。按医师或科室看药品属于统方，要写原因，中心看得到。")),
    (
        "compose",
        mark!(
            "从零件里选对象、条件、时间窗和数目，就能试一条自己的规则。结果只是线索，要逐条核对。"
        ),
    ),
    (
        "compare",
        mark!(
            "选院方导出的表，给每一列指认含义，就能和上传数据逐行比对。比截止日新的算“未上传”，不算差异。"
        ),
    ),
    (
        "party",
        mark!(
            "到场的单位、个人、见证人都在这里登记，笔录和签字从这里取名字。名字按证件写，职务可以从短语里选。"
        ),
    ),
    ("describe", mark!("写它证明什么、从哪里来、谁保管。写好才算归类，十秒内可以撤销。")),
    ("opening", mark!("大声照着念，录音里会留下标记。念完点“已宣读”。")),
    ("print", mark!("选一台打印机再打。每份纸面都有序号、二维码和日志摘要，丢一份也查得到。")),
    ("timeline", mark!("全程按时间排：点一条听当时的录音，或打开照片和文书。撤销过的也在这里。")),
    ("status", mark!("字号、颜色、语言在这里改，只对您自己有效。出发前点“自检”。")),
    (
        "self_check",
        mark!("每个部件真的试一次：听 3 秒、拍一张、响一声。什么都不保存，没有的部件不算错。"),
    ),
    ("custody", mark!("换 PIN、登记时间、移交都写进日志。PIN 只由本人输入，别人回避。")),
    (
        "copies",
        mark!("先选一处放副本：U 盘，或同组的手持机。选好后每两分钟自动存一次，回执到了自动清掉。"),
    ),
    ("indicator", mark!("先看按月的线和对照期，再按科室、病种往下点，一直点到人员、就诊和明细。")),
    ("entry", mark!("条文按有效期显示，前后两条可以翻。引用时写全文号和条款。")),
    ("line", mark!("这一行当天的项目、限价、限定和政策都在这里，下面是对应的医嘱和记录。")),
    ("unjudged", mark!("这些规则没有判断，因为缺表、缺参数或没到时间。没有判断不等于没有问题。")),
    ("hand_out", mark!("给办公室的带线索和依据；给对方的只有核实过的事实。导出会记入日志。")),
    (
        "around",
        mark!(
            "和这条线索同医师、同项目、同卡的人都在这里，按人列。点一个人看他的就诊，查看会留记录。"
        ),
    ),
    ("house", mark!("机构上传的等级、床位、科室与科目、医护。没有上传的写“未上传”，不等于没有。")),
    ("methods", mark!("按编号、名称或定义里的字找一条规则。点开看它怎么查、哪里可能误报。")),
    ("method", mark!("对方问“凭什么”时看这一页：定义、参数、来源和核查办法。不向对方出示。")),
];

/// All hints: name and words.
#[cfg(any(test, feature = "testkit"))]
pub(crate) fn hints() -> impl Iterator<Item = (&'static str, &'static str)> {
    HINTS.into_iter()
}

/// The hint of a screen. Every place is named here, so that a new one cannot be without.
const fn name(place: &Place) -> Option<&'static str> {
    Some(match place {
        Place::Today => "today",
        Place::Task(_) => "task",
        Place::Suspicions => "suspicions",
        Place::Suspicion(_) => "suspicion",
        Place::Persons => "persons",
        Place::Person(_) => "person",
        Place::Visit(_) => "visit",
        Place::Lookup => "lookup",
        Place::Collect => "collect",
        Place::Capture => "capture",
        Place::Interview(_) => "interview",
        Place::Document(_) => "document",
        Place::Finish => "finish",
        Place::Seal { .. } => "seal",
        Place::Sync => "sync",
        Place::Indicators => "indicators",
        Place::Compose => "compose",
        Place::Compare => "compare",
        Place::Party => "party",
        Place::Describe(_) => "describe",
        Place::Opening => "opening",
        Place::Print(_) => "print",
        Place::Timeline => "timeline",
        Place::Status => "status",
        Place::SelfCheck => "self_check",
        Place::Custody(_) => "custody",
        Place::Copies => "copies",
        Place::Indicator(_) => "indicator",
        Place::Entry(_) => "entry",
        Place::Line(..) => "line",
        Place::Unjudged => "unjudged",
        Place::HandOut => "hand_out",
        Place::Around => "around",
        Place::House => "house",
        Place::Methods => "methods",
        Place::Method(_) => "method",
        // Nobody is known yet, or the party is looking: there nothing may stand that is not for them.
        Place::Unlock | Place::Showing(_) | Place::Cover => return None,
    })
}

pub(crate) fn connect(app: &Rc<App>) {
    app.window.global::<Shell<'_>>().on_hint_read(app.on(|app| {
        if let Some(name) = name(&app.place()) {
            settings::change(app, |settings| {
                settings.read.insert(name.to_owned());
            });
        }
    }));
}

/// The hint of the screen on top, if it was not read yet.
pub(crate) fn show(app: &Rc<App>) {
    let unread = name(&app.place()).filter(|name| settings::has_read(app, name) == Some(false));
    let words =
        unread.and_then(|name| HINTS.iter().find(|(n, _)| *n == name).map(|(_, w)| word(w)));
    let shell = app.window.global::<Shell<'_>>();
    let words = words.unwrap_or_default();
    if shell.get_hint() != words {
        shell.set_hint(words.into());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Each screen that has a name has its words, and no words belong to none.
    #[test]
    fn every_named_screen_has_one_hint_of_two_sentences() {
        let places = [
            Place::Today,
            Place::Party,
            Place::Suspicions,
            Place::Suspicion(0),
            Place::Persons,
            Place::Person(String::new()),
            Place::Visit(String::new()),
            Place::Lookup,
            Place::Collect,
            Place::Capture,
            Place::Interview(String::new()),
            Place::Document(String::new()),
            Place::Finish,
            Place::Seal { leaving: false },
            Place::Sync,
            Place::Indicators,
            Place::Compose,
            Place::Compare,
            Place::Around,
            Place::Describe(String::new()),
            Place::Opening,
            Place::Print(String::new()),
            Place::Timeline,
            Place::Status,
            Place::SelfCheck,
            Place::Custody(crate::day::custody::Act::Clock),
            Place::Copies,
            Place::Indicator(String::new()),
            Place::Entry(String::new()),
            Place::Line(String::new(), String::new()),
            Place::Unjudged,
            Place::HandOut,
            Place::House,
            Place::Methods,
            Place::Method(String::new()),
        ];
        let mut named: BTreeSet<&str> = places.iter().filter_map(name).collect();
        // A task needs a number of its own.
        named.insert("task");
        let told: BTreeSet<&str> = hints().map(|(name, _)| name).collect();
        assert_eq!(named, told);
        assert_eq!(told.len(), HINTS.len(), "no name twice");
        for (name, words) in hints() {
            let sentences = words.matches(['。', '？', '！']).count();
            assert!((1..=3).contains(&sentences), "{name}: {sentences} sentences");
        }
    }
}
