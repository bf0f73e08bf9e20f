//! From the files of a pack to rules and knowledge, with the line of whatever is wrong.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use spotcheck_domain::Amount;
use toml::Spanned;

use super::knowledge::day;
use super::rule::{Exclusion, Grade, KernelId, MAX_HITS, Official, Param, Rule, Severity, Use};
use super::{Knowledge, Origin, PACK_TOML, Pack, check};
use crate::error::PackError;
use crate::indicators::{Catalogue, INDICATORS_TOML};

type Refused<T> = Result<T, PackError>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPack {
    name: String,
    version: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawOfficial {
    definition: Option<String>,
    logic: Option<String>,
    result: Option<Spanned<String>>,
    range: Option<String>,
    level: Option<Vec<String>>,
    facility: Option<Vec<String>>,
    scene: Option<Vec<String>>,
    fee: Option<Vec<String>>,
    stage: Option<Vec<String>>,
    insurance: Option<Vec<String>>,
    numbers: Option<Vec<u8>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawParam {
    value: Option<toml::Value>,
    origin: String,
    #[serde(default)]
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: Spanned<String>,
    name: String,
    name_party: String,
    kernel: String,
    #[serde(rename = "use")]
    usage: Use,
    #[serde(default)]
    params: BTreeMap<String, RawParam>,
    grade: Grade,
    severity: Severity,
    weight: u8,
    clause: Vec<String>,
    #[serde(default)]
    official: RawOfficial,
    reason: String,
    look: Vec<String>,
    doubt: Vec<String>,
    #[serde(default)]
    exclude: Vec<Exclusion>,
    #[serde(default)]
    downgrade: Vec<Exclusion>,
    #[serde(default)]
    local: Vec<String>,
    #[serde(default)]
    reading: String,
    begndate: String,
    enddate: Option<String>,
    max_hits: Option<u32>,
    family: Option<String>,
    #[serde(default)]
    subsumes: Vec<String>,
    #[serde(default)]
    no_loss: bool,
    /// Where it is not said: unless `no_loss`.
    fund: Option<bool>,
    #[serde(default = "yes")]
    enabled: bool,
}

/// What an overlay changes of a rule of its base.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAdjust {
    id: Spanned<String>,
    #[serde(default)]
    params: BTreeMap<String, RawParam>,
    grade: Option<Grade>,
    enabled: Option<bool>,
    max_hits: Option<u32>,
    weight: Option<u8>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawFile {
    defaults: RawOfficial,
    rule: Vec<RawRule>,
    adjust: Vec<RawAdjust>,
}

const fn yes() -> bool {
    true
}

/// One file while it is read: turns places into lines.
pub(crate) struct File<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

impl File<'_> {
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().filter(|b| **b == b'\n').count().saturating_add(1)
    }

    /// Line of `field` in the table that begins at `span`: of the innermost part that has a line of its own,
    /// as `use` has it for `use.window` in an inline table; else the line of the table itself.
    pub(crate) fn line_of(&self, span: &Range<usize>, field: &str) -> usize {
        let rest = self.text.get(span.start..).unwrap_or_default();
        let end = rest.find("\n[[").unwrap_or(rest.len());
        let table = rest.get(..end).unwrap_or_default();
        for key in field.rsplit('.') {
            let mut offset = span.start;
            for line in table.split_inclusive('\n') {
                let trimmed = line.trim_start();
                let starts = trimmed.strip_prefix(key).map(str::trim_start);
                if starts.is_some_and(|r| r.starts_with('=') || r.starts_with('.')) {
                    return self.line_at(offset);
                }
                offset = offset.saturating_add(line.len());
            }
        }
        self.line_at(span.start)
    }

    pub(crate) fn toml<'t, T: Deserialize<'t>>(&'t self) -> Refused<T> {
        toml::from_str(self.text).map_err(|e| PackError {
            file: self.name.to_owned(),
            line: e.span().map_or(0, |s| self.line_at(s.start)),
            field: "TOML".to_owned(),
            reason: e.message().to_owned(),
        })
    }
}

/// An overlay's change, ready to be applied.
struct Adjust {
    id: String,
    params: BTreeMap<String, Param>,
    grade: Option<Grade>,
    enabled: Option<bool>,
    max_hits: Option<u32>,
    weight: Option<u8>,
    file: String,
    line: usize,
}

/// A pack as it was read, before it is laid over another.
pub(super) struct Own {
    name: String,
    version: String,
    rules: Vec<Rule>,
    adjusts: Vec<Adjust>,
    knowledge: BTreeMap<String, Knowledge>,
    indicators: Catalogue,
}

/// Reads all files, sorted by name.
pub(super) fn read(files: &[(&str, &[u8])]) -> Refused<Own> {
    let utf8 = |(name, bytes): &(&str, &[u8])| -> Refused<String> {
        String::from_utf8(bytes.to_vec()).map_err(|_| PackError {
            file: (*name).to_owned(),
            line: 0,
            field: "file".to_owned(),
            reason: "不是 UTF-8 文本".to_owned(),
        })
    };
    let Some(head) = files.iter().find(|f| f.0 == PACK_TOML) else {
        return Err(PackError {
            file: PACK_TOML.to_owned(),
            line: 0,
            field: "file".to_owned(),
            reason: "缺少这个文件".to_owned(),
        });
    };
    let text = utf8(head)?;
    let head: RawPack = File { name: PACK_TOML, text: &text }.toml()?;
    let mut own = Own {
        name: head.name,
        version: head.version,
        rules: Vec::new(),
        adjusts: Vec::new(),
        knowledge: BTreeMap::new(),
        indicators: Catalogue::default(),
    };
    for file in files.iter().filter(|f| f.0 != PACK_TOML) {
        let (name, bytes) = file;
        if let Some(list) = name.strip_suffix(".kp.csv") {
            own.knowledge.insert(list.to_owned(), Knowledge::read(name, bytes)?);
        } else if *name == INDICATORS_TOML {
            let text = utf8(file)?;
            own.indicators = Catalogue::read(&File { name, text: &text })?;
        } else if name.ends_with(".toml") {
            let text = utf8(file)?;
            own.rules_of(&File { name, text: &text })?;
        } else if !name.ends_with(".md") && !name.ends_with(".csv") {
            return Err(PackError {
                file: (*name).to_owned(),
                line: 0,
                field: "file".to_owned(),
                reason: "规则包只含 .toml、.kp.csv、.csv 和 .md 文件".to_owned(),
            });
        }
    }
    Ok(own)
}

impl Own {
    fn rules_of(&mut self, file: &File<'_>) -> Refused<()> {
        let raw: RawFile = file.toml()?;
        for rule in raw.rule {
            let rule = self.rule(file, rule, &raw.defaults)?;
            self.rules.push(rule);
        }
        for adjust in raw.adjust {
            let span = adjust.id.span();
            let id = adjust.id.into_inner();
            let params = params(file, &span, &id, adjust.params)?;
            self.adjusts.push(Adjust {
                id,
                params,
                grade: adjust.grade,
                enabled: adjust.enabled,
                max_hits: adjust.max_hits,
                weight: adjust.weight,
                file: file.name.to_owned(),
                line: file.line_at(span.start),
            });
        }
        Ok(())
    }

    fn rule(&self, file: &File<'_>, raw: RawRule, defaults: &RawOfficial) -> Refused<Rule> {
        let span = raw.id.span();
        let id = raw.id.into_inner();
        let fail = |field: &str, reason: String| PackError {
            file: file.name.to_owned(),
            line: file.line_of(&span, field),
            field: format!("rule {id} .{field}"),
            reason,
        };
        let kernel = KernelId::ALL.iter().copied().find(|k| k.as_str() == raw.kernel);
        let kernel = kernel.ok_or_else(|| fail("kernel", format!("没有内核 {}", raw.kernel)))?;
        let date = |field: &str, text: &str| {
            day(text).ok_or_else(|| fail(field, "应为 yyyy-MM-dd".to_owned()))
        };
        let from = date("begndate", &raw.begndate)?;
        let to = raw.enddate.as_deref().map_or(Ok(i64::MAX), |t| date("enddate", t))?;
        if to < from {
            return Err(fail("enddate", "早于 begndate".to_owned()));
        }
        let result = raw.official.result.as_ref().or(defaults.result.as_ref());
        if let Some(result) = result.filter(|r| !RESULTS.contains(&r.get_ref().as_str())) {
            let refused = fail("official.result", format!("应为{}", RESULTS.join("、")));
            // It may stand in the defaults of the file.
            return Err(PackError { line: file.line_at(result.span().start), ..refused });
        }
        let official =
            official(raw.official, defaults).map_err(|f| fail(f, "缺少官方属性".to_owned()))?;
        let rule = Rule {
            params: params(file, &span, &id, raw.params)?,
            official,
            family: raw.family.unwrap_or_else(|| id.clone()),
            id: id.clone(),
            name: raw.name,
            name_party: raw.name_party,
            kernel,
            usage: raw.usage,
            grade: raw.grade,
            severity: raw.severity,
            weight: raw.weight,
            clause: raw.clause,
            reason: raw.reason,
            look: raw.look,
            doubt: raw.doubt,
            exclude: raw.exclude,
            downgrade: raw.downgrade,
            local: raw.local,
            reading: raw.reading,
            from,
            to,
            max_hits: raw.max_hits.unwrap_or(MAX_HITS),
            subsumes: raw.subsumes,
            no_loss: raw.no_loss,
            fund: raw.fund.unwrap_or(!raw.no_loss),
            enabled: raw.enabled,
            pack: format!("{}@{}", self.name, self.version),
            file: file.name.to_owned(),
            line: file.line_at(span.start),
        };
        check::rule(&rule).map_err(|(field, reason)| fail(&field, reason))?;
        Ok(rule)
    }

    /// The pack as it stands.
    pub(super) fn alone(self) -> Refused<Pack> {
        self.over(&Pack::default())
    }

    /// The pack laid over another: rules of one id replace all its versions there, adjustments change
    /// single values, knowledge points replace those of the same key.
    pub(super) fn over(self, base: &Pack) -> Refused<Pack> {
        let mut rules: Vec<Rule> = base
            .rules
            .iter()
            .filter(|r| !self.rules.iter().any(|own| own.id == r.id))
            .cloned()
            .collect();
        rules.extend(self.rules);
        for adjust in self.adjusts {
            apply(&mut rules, &adjust)?;
        }
        check::lists(&rules, self.knowledge.keys())?;
        let mut knowledge = base.knowledge.clone();
        for (name, points) in self.knowledge {
            knowledge.entry(name).or_default().overlay(&points);
        }
        rules.sort_by(|a, b| (&a.id, a.from).cmp(&(&b.id, b.from)));
        for pair in rules.windows(2) {
            if let [a, b] = pair
                && a.id == b.id
                && b.from <= a.to
            {
                return Err(PackError {
                    file: b.file.clone(),
                    line: b.line,
                    field: format!("rule {} .begndate", b.id),
                    reason: format!("与 {} 第 {} 行同一规则的生效日期重叠", a.file, a.line),
                });
            }
        }
        check::pack(&rules, &knowledge)?;
        let indicators = self.indicators.over(&base.indicators);
        indicators.check()?;
        let joined = |a: &str, b: String| if a.is_empty() { b } else { format!("{a}+{b}") };
        Ok(Pack {
            name: joined(&base.name, self.name),
            version: joined(&base.version, self.version),
            rules,
            knowledge,
            indicators,
            digest: String::new(),
        })
    }
}

fn apply(rules: &mut [Rule], adjust: &Adjust) -> Refused<()> {
    let fail = |field: &str, reason: &str| PackError {
        file: adjust.file.clone(),
        line: adjust.line,
        field: format!("adjust {} .{field}", adjust.id),
        reason: reason.to_owned(),
    };
    let mut found = false;
    for rule in rules.iter_mut().filter(|r| r.id == adjust.id) {
        found = true;
        for (name, param) in &adjust.params {
            let own = rule
                .params
                .get_mut(name)
                .ok_or_else(|| fail(&format!("params.{name}"), "规则没有这个参数"))?;
            *own = param.clone();
        }
        rule.grade = adjust.grade.unwrap_or(rule.grade);
        rule.enabled = adjust.enabled.unwrap_or(rule.enabled);
        rule.max_hits = adjust.max_hits.unwrap_or(rule.max_hits);
        rule.weight = adjust.weight.unwrap_or(rule.weight);
        check::rule(rule).map_err(|(field, reason)| fail(&field, &reason))?;
    }
    if found { Ok(()) } else { Err(fail("id", "下层规则包中没有这条规则")) }
}

fn params(
    file: &File<'_>,
    span: &Range<usize>,
    id: &str,
    raw: BTreeMap<String, RawParam>,
) -> Refused<BTreeMap<String, Param>> {
    let mut params = BTreeMap::new();
    for (name, p) in raw {
        let fail = |reason: &str| PackError {
            file: file.name.to_owned(),
            line: file.line_of(span, &name),
            field: format!("rule {id} .params.{name}"),
            reason: reason.to_owned(),
        };
        let value = match &p.value {
            None => None,
            Some(toml::Value::Integer(n)) => Some(n.saturating_mul(crate::book::ONE)),
            Some(toml::Value::String(text)) => {
                Some(Amount::parse(text).map_err(|_| fail("不是数字"))?.millionths())
            }
            Some(_) => return Err(fail("应为整数或十进制数的文本")),
        };
        let origin = Origin::parse(&p.origin)
            .ok_or_else(|| fail("origin 应为 official、local_default 或 local"))?;
        params.insert(name, Param { value, origin, source: p.source });
    }
    Ok(params)
}

/// What the official library of 2025 says that a hit is; the last one is of a rule that an officer composed.
const RESULTS: [&str; 3] = ["违规", "可疑", "自编"];

/// The rule's own attributes, else those of its file; every one must be said somewhere.
fn official(own: RawOfficial, defaults: &RawOfficial) -> Result<Official, &'static str> {
    fn take<T: Clone>(
        own: Option<T>,
        default: &Option<T>,
        name: &'static str,
    ) -> Result<T, &'static str> {
        own.or_else(|| default.clone()).ok_or(name)
    }
    Ok(Official {
        definition: take(own.definition, &defaults.definition, "official.definition")?,
        logic: take(own.logic, &defaults.logic, "official.logic")?,
        result: take(own.result, &defaults.result, "official.result")?.into_inner(),
        range: take(own.range, &defaults.range, "official.range")?,
        level: take(own.level, &defaults.level, "official.level")?,
        facility: take(own.facility, &defaults.facility, "official.facility")?,
        scene: take(own.scene, &defaults.scene, "official.scene")?,
        fee: take(own.fee, &defaults.fee, "official.fee")?,
        stage: take(own.stage, &defaults.stage, "official.stage")?,
        insurance: take(own.insurance, &defaults.insurance, "official.insurance")?,
        numbers: own.numbers.or_else(|| defaults.numbers.clone()).unwrap_or_default(),
    })
}
