//! A regulation cut into its articles, or into numbered paragraphs where it has none.
//!
//! Every piece knows its line and its characters in the source, so that what is shown can be held against
//! what was published. 第十五条 at the beginning of a line is a heading only if the numbers go on: a line may
//! just as well begin with an article that the sentence cites.

mod heading;

use spotcheck_domain::reference::EntryKind;
use spotcheck_domain::time::day_number;

use self::heading::{Heading, heading};
use super::head::{Begin, begin, date_line, end, ends_as_title, own_number, repeals};
use super::{SourceOptions, SourceReport};
use crate::reference::{Document, Entry};

/// Lines at the head in which the number of the document may stand.
const HEAD_LINES: usize = 30;
/// Longest title line that goes on in the next.
const TITLE_CHARS: usize = 60;

/// A line with its place.
#[derive(Clone, Copy)]
struct Line<'a> {
    no: u64,
    from: u64,
    to: u64,
    text: &'a str,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let (mut lines, mut from) = (Vec::new(), 0_u64);
    for (no, raw) in (1_u64..).zip(text.split('\n')) {
        let count = u64::try_from(raw.chars().count()).unwrap_or(u64::MAX);
        let line = raw.trim_end_matches('\r');
        let to = from.saturating_add(u64::try_from(line.chars().count()).unwrap_or(u64::MAX));
        lines.push(Line { no, from, to, text: line });
        from = from.saturating_add(count).saturating_add(1);
    }
    lines
}

/// A line without Markdown's marks.
fn plain(line: &str) -> String {
    let line = crate::cell::trim(line);
    let line = line.trim_start_matches('#').trim_start_matches(['>', ' ']);
    crate::cell::trim(&line.replace("**", "")).to_owned()
}

/// Values between two lines `---` at the beginning.
fn front_matter<'a>(lines: &[Line<'a>]) -> (Vec<(String, &'a str)>, usize) {
    let none = (Vec::new(), 0);
    if lines.first().map(|l| l.text.trim()) != Some("---") {
        return none;
    }
    let mut values = Vec::new();
    for (n, line) in lines.iter().enumerate().skip(1) {
        if line.text.trim() == "---" {
            return (values, n.saturating_add(1));
        }
        if let Some((key, value)) = line.text.split_once([':', '\u{ff1a}']) {
            values.push((key.trim().to_lowercase(), value.trim()));
        }
    }
    none
}

struct Reader<'a, 'r> {
    options: &'a SourceOptions,
    report: &'r mut SourceReport,
    document: Document,
}

/// Reads a text; `None`: not as this kind.
pub(super) fn read(
    text: &str,
    options: &SourceOptions,
    report: &mut SourceReport,
) -> Option<Document> {
    let text = text.trim_start_matches('\u{feff}');
    let lines = lines(text);
    let (values, skip) = front_matter(&lines);
    let said = values.iter().find(|(key, _)| key == "kind" || key == "类别");
    let said =
        said.and_then(|(_, v)| EntryKind::ALL.iter().find(|k| k.as_str() == *v || k.zh() == *v));
    let kind = options.kind.or(said.copied()).unwrap_or(EntryKind::Article);
    if !matches!(kind, EntryKind::Article | EntryKind::Case) {
        return None;
    }
    let body = lines.get(skip..).unwrap_or_default();
    let mut reader = Reader { options, report, document: Document::default() };
    let first = reader.head(&values, body);
    let body = body.get(first..).unwrap_or_default();
    if kind == EntryKind::Case {
        reader.cases(body)
    } else {
        reader.policy(body)
    }
    reader.dates(&values, text);
    Some(reader.document)
}

impl Reader<'_, '_> {
    /// Title, number, issuer; the place of the first line behind the title.
    fn head(&mut self, values: &[(String, &str)], body: &[Line<'_>]) -> usize {
        let value = |names: &[&str]| {
            let found = values.iter().find(|(key, _)| names.contains(&key.as_str()));
            found.map(|(_, v)| (*v).to_owned()).unwrap_or_default()
        };
        self.document.title = value(&["title", "标题"]);
        self.document.number = value(&["number", "文号"]);
        self.document.issuer = value(&["issuer", "发布机关", "发文机关", "制定机关"]);
        let mut first = 0;
        if self.document.title.is_empty() {
            let mut filled = body.iter().enumerate().filter(|(_, l)| !plain(l.text).is_empty());
            let Some((n, line)) = filled.find(|(_, l)| own_number(&plain(l.text)).is_none()) else {
                return 0;
            };
            if heading(&plain(line.text)).is_some() {
                self.report.remark(line.no, "", "没有读出标题，以文件名为标题");
                self.document.title = self.report.file.clone();
                return 0;
            }
            let mut title = plain(line.text);
            first = n.saturating_add(1);
            if !ends_as_title(&title)
                && title.chars().count() < TITLE_CHARS
                && let Some(next) = body.get(first)
                && ends_as_title(&plain(next.text))
                && plain(next.text).chars().count() < TITLE_CHARS
                && heading(&plain(next.text)).is_none()
            {
                title.push_str(&plain(next.text));
                first = first.saturating_add(1);
            }
            self.document.title = title.trim_matches(['《', '》']).to_owned();
        }
        if self.document.number.is_empty() {
            let found =
                body.iter().take(HEAD_LINES).take_while(|l| heading(&plain(l.text)).is_none());
            let found = found.filter_map(|l| own_number(&plain(l.text))).next();
            match found {
                Some(number) => self.document.number = number,
                None => self.report.remark(0, "", "没有读出文号"),
            }
        }
        first
    }

    fn dates(&mut self, values: &[(String, &str)], text: &str) {
        let given = |names: &[&str]| {
            let found = values.iter().find(|(key, _)| names.contains(&key.as_str()));
            found.and_then(|(_, v)| day_number(v))
        };
        let said = begin(text);
        let by_words = match said {
            Begin::Day(day) => Some(day),
            Begin::Published => {
                let mut days: Vec<i64> =
                    text.lines().filter_map(|l| date_line(&plain(l))).collect();
                days.sort_unstable();
                days.dedup();
                let day = (days.len() == 1).then(|| days.first().copied()).flatten();
                let words = if day.is_some() {
                    "自公布之日起施行，按落款日期计"
                } else {
                    "自公布之日起施行，但没有读出公布日期，请用 --valid-from 指明"
                };
                self.report.remark(0, "", words);
                day
            }
            Begin::Several => {
                self.report.remark(0, "", "有多个施行日期，请用 --valid-from 指明");
                None
            }
            Begin::Silent => None,
        };
        let front = given(&["begin", "valid_from", "生效日期", "施行日期"]);
        let begin = self.options.valid_from.or(front).or(by_words);
        if begin.is_none() && matches!(said, Begin::Silent) {
            self.report.remark(0, "", "没有读出施行日期，请用 --valid-from 指明");
        }
        if let (Some(ours), Some(theirs)) = (begin, by_words)
            && ours != theirs
        {
            self.report.remark(0, "", "文中的施行日期与指明的不同，按指明的计");
        }
        self.document.begin = begin;
        let front = given(&["end", "valid_until", "失效日期"]);
        self.document.end = self.options.valid_until.or(front).or_else(|| end(text, begin));
        self.document.replaces = repeals(text);
        let more = values.iter().filter(|(key, _)| key == "replaces" || key == "废止");
        for one in more.flat_map(|(_, v)| v.split([';', '\u{ff1b}'])) {
            let one = one.trim().to_owned();
            if !one.is_empty() && !self.document.replaces.contains(&one) {
                self.document.replaces.push(one);
            }
        }
    }

    /// Adds lines as one entry; a piece with characters that could not be decoded is refused whole.
    fn piece(&mut self, kind: EntryKind, head: (&str, &str, &str), lines: &[Line<'_>]) {
        let (title, article, chapter) = head;
        let filled = |l: &&Line<'_>| !plain(l.text).is_empty();
        let (Some(first), Some(last)) =
            (lines.iter().find(filled), lines.iter().rev().find(filled))
        else {
            return;
        };
        self.report.read = self.report.read.saturating_add(1);
        let text: Vec<String> = lines.iter().filter(filled).map(|l| plain(l.text)).collect();
        let text = text.join("\n");
        if text.contains('\u{fffd}') {
            self.report.reject(first.no, "", "有无法识别的字符(编码错误)");
            return;
        }
        self.document.entries.push(Entry {
            title: title.to_owned(),
            article: article.to_owned(),
            chapter: chapter.to_owned(),
            text,
            line: first.no,
            chars: Some((first.from, last.to)),
            ..Entry::new(kind)
        });
    }

    fn policy(&mut self, body: &[Line<'_>]) {
        let has = |want: fn(&Heading) -> bool| {
            body.iter().any(|l| heading(&plain(l.text)).is_some_and(|h| want(&h)))
        };
        if has(|h| matches!(h, Heading::Article(1.., _, _))) {
            self.articles(body);
        } else if has(|h| matches!(h, Heading::First(1, _))) {
            self.numbered(body);
        } else {
            self.piece(EntryKind::Article, ("", "", ""), without_close(body));
        }
    }

    fn articles(&mut self, body: &[Line<'_>]) {
        let mut open = ("引言".to_owned(), 0_usize);
        let (mut chapter, mut of_open) = (String::new(), String::new());
        let mut last = (0_u32, 0_u32);
        for (n, line) in body.iter().enumerate() {
            let text = plain(line.text);
            let (label, chapter_ends) = match heading(&text) {
                Some(Heading::Article(number, sub, rest)) => {
                    let next = number == last.0.saturating_add(1) && sub == 0;
                    let inserted = number == last.0 && sub == last.1.saturating_add(1);
                    // A jump is believed only where the heading is set off from its text.
                    let jump = number > last.0
                        && rest.starts_with([' ', '\u{3000}', '\t', '【', '[', '(']);
                    let cites = rest.starts_with(['规', '的', '第', '、', '和', '至', '款', '所']);
                    if !(next || inserted || jump) || (cites && !jump) {
                        if !cites {
                            self.report.remark(line.no, "", "以条号开头但与前文不连续，按正文处理");
                        }
                        continue;
                    }
                    if !next && !inserted && last.0 > 0 {
                        self.report.remark(line.no, "", "条号有跳跃，可能是节选");
                    }
                    last = (number, sub);
                    let label = text.chars().count().saturating_sub(rest.chars().count());
                    (text.chars().take(label).collect::<String>(), false)
                }
                Some(Heading::Chapter) => (String::new(), true),
                Some(Heading::Annex) if last.0 > 0 => {
                    (text.chars().take(20).collect::<String>(), false)
                }
                _ => continue,
            };
            self.close(&open.0, &of_open, body.get(open.1..n).unwrap_or_default());
            if chapter_ends {
                chapter = text;
                open = (String::new(), n.saturating_add(1));
            } else {
                open = (label, n);
            }
            of_open.clone_from(&chapter);
        }
        let rest = body.get(open.1..).unwrap_or_default();
        self.close(&open.0, &of_open, without_close(rest));
    }

    /// Ends a piece; what stands between a chapter and its first article belongs to the chapter.
    fn close(&mut self, label: &str, chapter: &str, lines: &[Line<'_>]) {
        let own_number_only = lines.iter().all(|l| {
            let text = plain(l.text);
            text.is_empty() || own_number(&text).is_some() || date_line(&text).is_some()
        });
        if !own_number_only {
            self.piece(EntryKind::Article, ("", label, chapter), lines);
        }
    }

    fn numbered(&mut self, body: &[Line<'_>]) {
        let (mut label, mut from, mut section) = ("引言".to_owned(), 0_usize, String::new());
        let (mut outer, mut inner) = (0_u32, 0_u32);
        let mut of_open = String::new();
        for (n, line) in body.iter().enumerate() {
            let text = plain(line.text);
            let next = match heading(&text) {
                Some(Heading::First(number, mark)) if number == outer.saturating_add(1) => {
                    (outer, inner) = (number, 0);
                    section = text.chars().take(60).collect();
                    mark
                }
                Some(Heading::Second(number, mark))
                    if outer > 0 && number == inner.saturating_add(1) =>
                {
                    inner = number;
                    let of = section.split('、').next().unwrap_or_default();
                    format!("{of}、{mark}")
                }
                Some(Heading::Annex) if outer > 0 => text.chars().take(20).collect(),
                _ => continue,
            };
            self.close(&label, &of_open, body.get(from..n).unwrap_or_default());
            (label, from) = (next, n);
            of_open = if inner > 0 { section.clone() } else { String::new() };
        }
        let rest = without_close(body.get(from..).unwrap_or_default());
        self.close(&label, &of_open, rest);
    }

    /// Cases: each heading begins one.
    fn cases(&mut self, body: &[Line<'_>]) {
        let is_case = |l: &Line<'_>| {
            let text = plain(l.text);
            let words = text.trim_start_matches(['【', '[', '《']);
            l.text.trim_start().starts_with("##") || words.starts_with("案例")
        };
        let starts: Vec<usize> =
            body.iter().enumerate().filter(|(_, l)| is_case(l)).map(|(n, _)| n).collect();
        if starts.is_empty() {
            let title = self.document.title.clone();
            self.piece(EntryKind::Case, (&title, "", ""), without_close(body));
            return;
        }
        let ends = starts.iter().skip(1).copied().chain([body.len()]);
        for (from, to) in starts.iter().copied().zip(ends) {
            let Some(first) = body.get(from) else { continue };
            let title = plain(first.text);
            let own = body.get(from.saturating_add(1)..to).unwrap_or_default();
            if own.iter().all(|l| plain(l.text).is_empty()) {
                // The heading is the whole case.
                self.piece(EntryKind::Case, (&title, "", ""), std::slice::from_ref(first));
            } else {
                self.piece(EntryKind::Case, (&title, "", ""), own);
            }
        }
    }
}

/// Without the closing lines: who issued it, and when.
fn without_close<'a, 'b>(lines: &'b [Line<'a>]) -> &'b [Line<'a>] {
    let filled: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, l)| !plain(l.text).is_empty())
        .map(|(n, _)| n)
        .collect();
    let Some(last) = filled.last().and_then(|n| lines.get(*n).map(|l| (*n, l))) else {
        return lines;
    };
    if filled.len() < 2 || date_line(&plain(last.1.text)).is_none() {
        return lines;
    }
    let mut end = last.0;
    let before = filled.iter().rev().nth(1).and_then(|n| lines.get(*n).map(|l| (*n, l)));
    if let Some((n, line)) = before.filter(|_| filled.len() > 2) {
        let text = plain(line.text);
        let office = ["局", "委员会", "委", "厅", "部", "院", "中心", "政府", "办公室"];
        if text.chars().count() <= 40 && office.iter().any(|o| text.ends_with(o)) {
            end = n;
        }
    }
    lines.get(..end).unwrap_or(lines)
}
