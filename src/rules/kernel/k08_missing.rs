//! K8, other forms: something that must be there is missing from visits, lines, diagnoses or operations.

use super::{Compiled, Cx, Hit, Mask, Out, Probe, any_dx};
use crate::book::Visit;
use crate::pack::Point;

pub(super) fn compile(cx: Cx<'_>) -> Compiled {
    let list = |name: &Option<String>| -> Result<(), String> {
        let name = name.as_deref().unwrap_or_default();
        let known = cx.knowledge(name).is_some_and(|k| !k.points.is_empty());
        if known { Ok(()) } else { Err(format!("知识点 {name} 未装载")) }
    };
    let form = match cx.rule.usage.form.as_str() {
        "diagnosis" => Form::Diagnosis,
        "list_fields" => {
            cx.needs_table("setl_list")?;
            Form::Settlement
        }
        "dx_item" => {
            list(&cx.rule.usage.list)?;
            Form::DxItem
        }
        "op_fee" => {
            cx.needs_table("oprn")?;
            Form::OperationFee
        }
        "op_dx" => {
            cx.needs_table("oprn")?;
            list(&cx.rule.usage.list)?;
            Form::OperationDx
        }
        form => return Err(format!("K8 没有形式 {form}")),
    };
    if matches!(form, Form::Diagnosis)
        && cx.book.diagnoses.all().is_empty()
        && cx.book.visits.iter().all(|v| v.main_dx == 0)
    {
        return Err("诊断未装载".to_owned());
    }
    let items = cx.mask(cx.rule.usage.items.as_ref())?;
    Ok(Box::new(Missing { form, items }))
}

enum Form {
    Diagnosis,
    Settlement,
    DxItem,
    OperationFee,
    OperationDx,
}

struct Missing {
    form: Form,
    items: Mask,
}

impl Probe for Missing {
    fn visit(&mut self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) {
        if !cx.in_scope(visit.kind) {
            return;
        }
        let found = match self.form {
            Form::Diagnosis => no_diagnosis(cx, visit),
            Form::Settlement => settlement(cx, visit),
            Form::DxItem => self.dx_item(cx, visit, out),
            Form::OperationFee => self.op_fee(cx, visit),
            Form::OperationDx => op_dx(cx, visit),
        };
        if let Some(hit) = found {
            out.hit(cx, hit);
        }
    }
}

/// F12: neither a diagnosis list nor a main diagnosis.
fn no_diagnosis(cx: Cx<'_>, visit: &Visit) -> Option<Hit> {
    let none = visit.main_dx == 0 && cx.book.diagnoses.of(visit.at).is_empty();
    let billed = cx.book.charges(visit).next().is_some();
    (none && billed).then(|| Hit::of_visit(cx, visit).on(visit.begin_day().unwrap_or(0)))
}

/// F01: a settlement whose parts and dates contradict each other.
fn settlement(cx: Cx<'_>, visit: &Visit) -> Option<Hit> {
    for s in cx.book.settlements_of(visit).iter().filter(|s| !s.cancelled) {
        let more = matches!((s.fund, s.total), (Some(f), Some(t)) if f > t);
        let early = matches!((s.at, visit.begin_day()), (Some(i), Some(b)) if i.at.day() < b);
        if more || early {
            let what = if more { "基金支付大于总费用" } else { "结算早于就诊" };
            let mut hit = Hit::of_visit(cx, visit).fact("value", what);
            hit.settlement = cx
                .book
                .settlements
                .iter()
                .position(|o| o.code == s.code)
                .map_or(crate::book::NONE, crate::book::row_of);
            return Some(hit.on(s.at.map_or(0, |i| i.at.day())));
        }
    }
    None
}

impl Missing {
    /// F03: a diagnosis whose treatment the points name, without any such line.
    fn dx_item(&self, cx: Cx<'_>, visit: &Visit, out: &mut Out<'_>) -> Option<Hit> {
        let name = cx.rule.usage.list.as_deref().unwrap_or_default();
        let day = visit.begin_day()?;
        let all = cx.diagnoses(visit);
        let list = cx.knowledge(name)?;
        let wanted: Vec<&Point> = list
            .points
            .iter()
            .filter(|p| p.from <= day && day <= p.to)
            .filter(|p| all.iter().any(|d| p.code.fits(d, "")))
            .collect();
        let first = wanted.first()?;
        let done = cx.book.charges(visit).any(|l| {
            cx.book.item(l.item).is_some_and(|i| {
                wanted
                    .iter()
                    .any(|p| p.code_b.as_ref().is_some_and(|m| m.fits(&i.med_list_codg, &i.name)))
            })
        });
        if done || cx.book.is_taken_back(visit) {
            return None;
        }
        if visit.end.is_none() || cx.book.is_young("fee_list_d", visit.end_day()?, cx.lag()) {
            out.silent("在院或未上传");
            return None;
        }
        let dx = all.iter().find(|d| first.code.fits(d, "")).copied().unwrap_or_default();
        Some(Hit::of_visit(cx, visit).fact("dx", dx).on(day))
    }

    /// F04: an operation on the settlement list without any operation line.
    fn op_fee(&self, cx: Cx<'_>, visit: &Visit) -> Option<Hit> {
        let operation = cx.book.operations.of(visit.at).first()?;
        let billed = cx.book.charges(visit).any(|l| self.items.has(l.item));
        let hit = Hit::of_visit(cx, visit).fact("item", cx.book.text(operation.name));
        (!billed && !cx.book.is_taken_back(visit))
            .then(|| hit.on(operation.at.map_or(0, |i| i.at.day())))
    }
}

/// F06: an operation for which the points name diagnoses, none of which the visit has.
fn op_dx(cx: Cx<'_>, visit: &Visit) -> Option<Hit> {
    let name = cx.rule.usage.list.as_deref().unwrap_or_default();
    let all = cx.diagnoses(visit);
    if all.is_empty() {
        return None;
    }
    for o in cx.book.operations.of(visit.at) {
        let day = o.at.map(|i| i.at.day()).or_else(|| visit.begin_day())?;
        let points = cx.knowledge(name)?.points.iter();
        let own: Vec<&Point> = points
            .filter(|p| p.from <= day && day <= p.to && p.code.fits(cx.book.text(o.code), ""))
            .collect();
        let fits = any_dx(&all, own.iter().flat_map(|p| p.words()));
        if !own.is_empty() && !fits {
            let hit = Hit::of_visit(cx, visit)
                .fact("item", cx.book.text(o.name))
                .fact("dx", all.join("、"));
            return Some(hit.on(day));
        }
    }
    None
}
