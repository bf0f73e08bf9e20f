//! Hints: what a screen is for, once, on the first visit to it.
//!
//! A hint is a card above the content that hides nothing and stops nobody: the thumb may go on working, or say
//! 知道了. Which were read is kept with the officer's settings; 设备 shows them all again.

use std::rc::Rc;

use slint::ComponentHandle;
use spotcheck_face::Shell;

use crate::app::{App, Place};
use crate::language::{mark, word};
use crate::settings;

/// Name of a hint and its words, two sentences at most.
const HINTS: [(&str, &str); 18] = [
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
];

/// All hints: name and words.
#[cfg(any(test, feature = "testkit"))]
pub(crate) fn hints() -> impl Iterator<Item = (&'static str, &'static str)> {
    HINTS.into_iter()
}

/// The hint of a screen; none for the locked one, for 示证 and for the half acts.
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
        _ => return None,
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
