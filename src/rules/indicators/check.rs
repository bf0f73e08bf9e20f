//! What only the composed catalogue can say: every name is known, every figure can be broken down as it
//! claims, and no figure about drugs escapes the guard against 统方.

use super::catalogue::{Catalogue, Dimension, Formula, Indicator, Measure, Place, Term};
use crate::error::PackError;

/// Who can be told of a warning.
const ROLES: &[&str] = &["检查组", "任务负责人", "中心监测岗", "经办机构"];

/// Words of an accusation: no figure says them.
const BANNED: &[&str] = &["违规", "违法", "骗保"];

/// Combinations that every catalogue with figures must guard (rules.md, against 统方).
const LEAST: &[(&[Dimension], bool)] = &[
    (&[Dimension::Doctor], true),
    (&[Dimension::Doctor, Dimension::Item], false),
    (&[Dimension::Department, Dimension::Item], false),
    (&[Dimension::Ward, Dimension::Item], false),
];

fn refuse(place: &Place, what: &str, field: &str, reason: String) -> PackError {
    PackError {
        file: place.file.clone(),
        line: place.line,
        field: format!("{what} .{field}"),
        reason,
    }
}

/// Checks the whole.
pub(crate) fn check(all: &Catalogue) -> Result<(), PackError> {
    for indicator in all.indicators.values() {
        figure(all, indicator)?;
    }
    guards(all)?;
    for w in all.warnings.values() {
        let fail =
            |field, reason| Err(refuse(&w.place, &format!("warning {}", w.id), field, reason));
        if !all.indicators.contains_key(&w.indicator) {
            return fail("indicator", format!("没有指标 {}", w.indicator));
        }
        match w.tell.iter().find(|role| !ROLES.contains(&role.as_str())) {
            Some(role) => return fail("tell", format!("没有岗位 {role}")),
            None if w.tell.is_empty() => return fail("tell", "不能为空".to_owned()),
            None => {}
        }
        if let Some(word) = BANNED.iter().find(|b| w.name.contains(**b)) {
            return fail("name", format!("不得出现“{word}”"));
        }
    }
    for t in all.topics.values() {
        let fail = |field, reason| Err(refuse(&t.place, &format!("topic {}", t.id), field, reason));
        if t.indicators.is_empty() {
            return fail("indicators", "不能为空".to_owned());
        }
        if let Some(unknown) = t.indicators.iter().find(|i| !all.indicators.contains_key(*i)) {
            return fail("indicators", format!("没有指标 {unknown}"));
        }
        let fits = |d: Dimension| {
            let each = t.indicators.iter().filter_map(|i| all.indicators.get(i));
            each.into_iter().any(|i| i.dimensions.contains(&d))
        };
        if let Some(by) = t.by.filter(|by| !fits(*by)) {
            return fail("by", format!("没有指标可以按 {} 细分", by.as_str()));
        }
    }
    Ok(())
}

fn guards(all: &Catalogue) -> Result<(), PackError> {
    let Some(any) = all.indicators.values().next() else { return Ok(()) };
    for (dimensions, drugs) in LEAST {
        let holds = |g: &super::Guard| {
            (*drugs || !g.drugs) && g.dimensions.iter().all(|d| dimensions.contains(d))
        };
        if !all.guards.iter().any(holds) {
            let names: Vec<&str> = dimensions.iter().map(|d| d.as_str()).collect();
            return Err(PackError {
                file: any.place.file.clone(),
                line: 0,
                field: "guard".to_owned(),
                reason: format!("缺少对 {} 的统方防护", names.join("×")),
            });
        }
    }
    Ok(())
}

fn figure(all: &Catalogue, i: &Indicator) -> Result<(), PackError> {
    let fail = |field, reason| Err(refuse(&i.place, &format!("indicator {}", i.id), field, reason));
    if let Some(word) = BANNED.iter().find(|b| i.name.contains(**b)) {
        return fail("name", format!("不得出现“{word}”"));
    }
    let formula = match &i.formula {
        Formula::Growth(of) => match all.indicators.get(of) {
            None => return fail("formula", format!("没有指标 {of}")),
            Some(of) if matches!(of.formula, Formula::Growth(_)) => {
                return fail("formula", "不能求增幅的增幅".to_owned());
            }
            Some(of) => {
                if let Some(d) = i.dimensions.iter().find(|d| !of.dimensions.contains(d)) {
                    return fail(
                        "dimensions",
                        format!("指标 {} 不能按 {} 细分", of.id, d.as_str()),
                    );
                }
                &of.formula
            }
        },
        own => own,
    };
    for (id, of) in formula.terms() {
        let Some(term) = all.terms.get(id) else {
            return fail("formula", format!("没有计数项 {id}"));
        };
        if let Some(d) = i.dimensions.iter().find(|d| term.entity.dimension(**d).is_none()) {
            let reason = format!("计数项 {id}({})不能按 {} 细分", term.entity.name, d.as_str());
            return fail("dimensions", reason);
        }
        if let Some(of) = of {
            ranked(term, of).or_else(|reason| fail("formula", reason))?;
        }
    }
    if all.counts_drugs(formula)
        && i.dimensions.contains(&Dimension::Doctor)
        && !i.guarded.contains(&Dimension::Doctor)
    {
        return fail("guarded", "只计药品耗材的指标按医师细分必须列入 guarded".to_owned());
    }
    let by_item = formula.terms().iter().any(|t| t.1 == Some(Dimension::Item));
    for d in [Dimension::Doctor, Dimension::Department, Dimension::Ward] {
        if by_item && i.dimensions.contains(&d) && !i.guarded.contains(&d) {
            let reason = format!("按项目排序的指标按 {} 细分必须列入 guarded", d.as_str());
            return fail("guarded", reason);
        }
    }
    Ok(())
}

fn ranked(term: &Term, of: Dimension) -> Result<(), String> {
    if matches!(term.measure, Measure::Distinct(_)) {
        return Err("计种数的项不能排序".to_owned());
    }
    match term.entity.dimension(of) {
        Some(_) => Ok(()),
        None => Err(format!("计数项 {} 不能按 {} 排序", term.id, of.as_str())),
    }
}
