//! The device: status line, clock, certificates, and how the screen looks.

use std::rc::Rc;

use slint::{ComponentHandle, ModelRc, SharedString, VecModel};
use spotcheck_app::budget::Budget;
use spotcheck_app::desk::Status;
use spotcheck_app::ports::PlaceState;
use spotcheck_domain::{BeijingTime, Precision, rfc3339};
use spotcheck_face::{Device, PairItem, Shell};

use crate::app::App;
use crate::day::custody;
use crate::frame::{recording, settings};
use crate::language::{mark, say, word};
use crate::words;

/// A label with its value.
pub(crate) fn pair(label: &str, value: &str) -> PairItem {
    PairItem { label: label.into(), value: value.into() }
}

/// A model of pairs.
pub(crate) fn pairs(items: Vec<PairItem>) -> ModelRc<PairItem> {
    ModelRc::new(VecModel::from(items))
}

/// `11 月 24 日 周二`.
pub(crate) fn date_line(wall_ms: i64) -> String {
    let time = BeijingTime::from_unix_ms(wall_ms);
    let text = time.display(Precision::Day);
    let mut parts = text.split('-').skip(1).map(|part| part.trim_start_matches('0'));
    let (month, day) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    say!("{} 月 {} 日 {}", month, day, weekday(time.day()))
}

/// 周一 … of a day counted from 1970-01-01, which was a Thursday.
pub(crate) fn weekday(day: i64) -> &'static str {
    const DAYS: [&str; 7] = [
        mark!("周四"),
        mark!("周五"),
        mark!("周六"),
        mark!("周日"),
        mark!("周一"),
        mark!("周二"),
        mark!("周三"),
    ];
    let place = usize::try_from(day.rem_euclid(7)).unwrap_or_default();
    word(DAYS.get(place).copied().unwrap_or_default())
}

/// What the device says about itself.
pub(crate) fn facts(now: &Status) -> Vec<PairItem> {
    vec![
        pair(say!("设备"), now.device.as_ref().map_or(say!("未登记"), |d| d.as_str())),
        pair(say!("中心"), now.centre.as_deref().unwrap_or(say!("未登记"))),
        pair(say!("密钥保护"), word(now.key_protection.zh())),
        pair(
            say!("时钟"),
            if now.clock_set {
                say!("已设置")
            } else {
                say!("早于出厂或中心签过的时间，请对时")
            },
        ),
        pair(say!("可用空间"), &words::bytes(now.free_bytes)),
        pair(say!("还可录音"), &words::lasting(now.budget.audio_minutes)),
        pair(say!("还可录像"), &words::lasting(now.budget.video_minutes)),
        pair(say!("封存打印预留"), &reserve(&now.budget)),
        pair(say!("电池"), &battery(&now.budget)),
        pair(say!("定位"), receiver(&now.place)),
        pair(say!("待回传"), &say!("{} 个证据包", now.unsent)),
    ]
}

/// Room, and what of the battery sealing and printing may take.
fn reserve(budget: &Budget) -> String {
    let room = words::bytes(budget.reserve_bytes);
    budget
        .reserve_minutes
        .map_or_else(|| room.clone(), |minutes| say!("{} · 电池 {}", room, words::lasting(minutes)))
}

fn battery(budget: &Budget) -> String {
    match (budget.battery_percent, budget.battery_minutes) {
        (None, _) => say!("无").to_owned(),
        (Some(percent), _) if budget.charging => say!("{}% · 外接电源", percent),
        (Some(percent), Some(minutes)) => say!("{}% · 可用 {}", percent, words::lasting(minutes)),
        (Some(percent), None) => format!("{percent}%"),
    }
}

fn receiver(place: &PlaceState) -> &'static str {
    match place {
        PlaceState::None => say!("无"),
        PlaceState::Away => say!("定位服务没有应答"),
        PlaceState::Searching => say!("正在定位"),
        PlaceState::Fixed(_) => say!("已定位"),
    }
}

pub(crate) fn enter(app: &Rc<App>) {
    settings::show(app);
    app.ask(
        |desk| desk.status(),
        |app, now| {
            recording::show(app, &now);
            let face = app.window.global::<Device<'_>>();
            custody::offer(app, &now);
            face.set_facts(pairs(facts(&now)));
            face.set_officers(pairs(
                now.officers
                    .iter()
                    .map(|o| pair(&o.name, &say!("有效至 {}", o.certificate_until)))
                    .collect(),
            ));
        },
    );
}

/// Words beside the clock, and the room that is left.
pub(crate) fn show_line(app: &Rc<App>, now: &Status) {
    let shell = app.window.global::<Shell<'_>>();
    shell.set_unlocked(now.unlocked.is_some());
    let left = match &now.unlocked {
        None => say!("未解锁").to_owned(),
        Some(id) => now
            .officers
            .iter()
            .find(|o| &o.id == id)
            .map_or_else(|| id.to_string(), |o| o.name.clone()),
    };
    let left = match (now.clock_set, now.unsent) {
        (false, _) => say!("{} · 时钟不可信", left),
        (true, 0) => left,
        (true, unsent) => say!("{} · 待回传 {}", left, unsent),
    };
    shell.set_status_left(left.into());
    // Bytes say nothing while something is recorded.
    let right = if now.recordings.is_empty() && now.budget.low.is_none() {
        let room = say!("可用 {}", words::bytes(now.free_bytes));
        match cutoff_day(app) {
            Some(day) => say!("数据至 {} · {}", day, room),
            None => room,
        }
    } else {
        say!("可录 {}", words::lasting(now.budget.minutes))
    };
    shell.set_status_right(right.into());
    shell.set_battery(now.budget.battery_percent.map_or(-1, i32::from));
    shell.set_charging(now.budget.charging);
}

/// Month and day up to which the data of the open task go.
fn cutoff_day(app: &App) -> Option<String> {
    let task = app.task.borrow();
    let cutoff = task.as_ref()?.package.as_ref()?.cutoff.as_deref()?;
    Some(cutoff.get(5..10).unwrap_or(cutoff).to_owned())
}

/// Hours and minutes in the status line.
pub(crate) fn show_clock(app: &Rc<App>) {
    let time: SharedString = words::time_of_day(&rfc3339(app.clock.read().wall_ms)).into();
    let shell = app.window.global::<Shell<'_>>();
    if shell.get_clock() != time {
        shell.set_clock(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotcheck_domain::time::parse_rfc3339;

    #[test]
    fn weekdays_are_beijing_weekdays() {
        for (time, shown) in [
            ("2026-11-24T09:48:00+08:00", "11 月 24 日 周二"),
            ("2026-11-24T00:10:00+08:00", "11 月 24 日 周二"),
            ("2026-02-01T23:59:00+08:00", "2 月 1 日 周日"),
        ] {
            assert_eq!(date_line(parse_rfc3339(time).unwrap()), shown);
        }
    }
}
