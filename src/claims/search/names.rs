//! Pinyin of names: initials and full spelling.
//!
//! Surname characters are stored with all their readings (单 is shan as a surname and dan elsewhere), the
//! others with the first one, because every further reading of every character would multiply the forms
//! and find more strangers than friends.

use pinyin::{ToPinyin as _, ToPinyinMulti as _};

use super::fold::fold;

/// Forms kept per name.
const MOST_FORMS: usize = 16;

/// Readings as a surname that dictionaries of single characters tend to lack.
const SURNAMES: &[(char, &str)] = &[
    ('仇', "qiu"),
    ('区', "ou"),
    ('朴', "piao"),
    ('单', "shan"),
    ('查', "zha"),
    ('解', "xie"),
    ('曾', "zeng"),
    ('盖', "ge"),
    ('任', "ren"),
    ('尉', "yu"),
    ('万', "mo"),
    ('俟', "qi"),
    ('乐', "yue"),
    ('员', "yun"),
    ('缪', "miao"),
    ('折', "she"),
    ('冼', "xian"),
    ('召', "shao"),
    ('种', "chong"),
    ('秘', "bi"),
    ('覃', "qin"),
    ('翟', "zhai"),
    ('繁', "po"),
    ('祭', "zhai"),
    ('黑', "he"),
    ('长', "zhang"),
    ('华', "hua"),
    ('葛', "ge"),
    ('纪', "ji"),
    ('牟', "mu"),
    ('燕', "yan"),
    ('令', "ling"),
    ('宿', "su"),
    ('过', "guo"),
    ('逄', "pang"),
    ('褚', "chu"),
];

/// Surnames of two characters.
const COMPOUND: &[&str] = &[
    "欧阳", "太史", "端木", "上官", "司马", "东方", "独孤", "南宫", "万俟", "闻人", "夏侯", "诸葛",
    "尉迟", "公羊", "赫连", "澹台", "皇甫", "宗政", "濮阳", "公冶", "太叔", "申屠", "公孙", "慕容",
    "仲孙", "钟离", "长孙", "宇文", "司徒", "鲜于", "司空", "闾丘", "令狐", "乐正", "谷梁", "拓跋",
    "轩辕", "百里", "呼延", "东郭", "南门", "西门", "单于",
];

/// The pinyin forms of one name, lower case, without tones; `ü` is written `v` and `u`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forms {
    /// First letters, e.g. `zs`.
    pub initials: Vec<String>,
    /// Full spelling, e.g. `zhangsan`.
    pub full: Vec<String>,
}

fn push(list: &mut Vec<String>, reading: &str) {
    let mut add = |text: String| {
        if !list.contains(&text) {
            list.push(text);
        }
    };
    if reading.contains('ü') {
        add(reading.replace('ü', "v"));
        add(reading.replace('ü', "u"));
    } else if let Some(rest) = reading.strip_prefix("lv").or_else(|| reading.strip_prefix("nv")) {
        add(reading.to_owned());
        let first = reading.chars().next().unwrap_or_default();
        add(format!("{first}u{rest}"));
    } else {
        add(reading.to_owned());
    }
}

fn readings(c: char, surname: bool) -> Vec<String> {
    let mut list = Vec::new();
    if surname {
        for (_, reading) in SURNAMES.iter().filter(|(s, _)| *s == c) {
            push(&mut list, reading);
        }
        if let Some(all) = c.to_pinyin_multi() {
            for n in 0..all.count() {
                if let Some(reading) = all.get_opt(n) {
                    push(&mut list, reading.plain());
                }
            }
        }
    }
    if let Some(first) = c.to_pinyin() {
        push(&mut list, first.plain());
    }
    if list.is_empty() {
        list.push(c.to_string());
    }
    list
}

/// All pinyin forms of a person's name. Empty for a name without a Chinese character: its own letters are
/// searched as a name already.
#[must_use]
pub fn forms(name: &str) -> Forms {
    let folded = fold(name);
    if !folded.chars().any(|c| c.to_pinyin().is_some()) {
        return Forms::default();
    }
    let surname = if COMPOUND.iter().any(|s| folded.starts_with(s)) { 2 } else { 1 };
    let mut forms = Forms { initials: vec![String::new()], full: vec![String::new()] };
    for (n, c) in folded.chars().enumerate() {
        let readings = readings(c, n < surname);
        let mut firsts: Vec<String> = Vec::new();
        for reading in &readings {
            let first: String = reading.chars().take(1).collect();
            if !firsts.contains(&first) {
                firsts.push(first);
            }
        }
        forms.initials = append(&forms.initials, &firsts);
        forms.full = append(&forms.full, &readings);
    }
    forms
}

fn append(stems: &[String], ends: &[String]) -> Vec<String> {
    let all = ends.iter().flat_map(|end| stems.iter().map(move |stem| format!("{stem}{end}")));
    all.take(MOST_FORMS).collect()
}

/// First letters of an item's name: `0.9%氯化钠注射液` gives `0.9%lhnzsy`.
#[must_use]
pub fn initials(name: &str) -> String {
    let letter = |c: char| match c.to_pinyin() {
        Some(reading) => reading.first_letter().chars().next().unwrap_or(c),
        None => c,
    };
    fold(name).chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::{forms, initials};
    use rstest::rstest;

    #[rstest]
    #[case("单小明", "sxm", "shanxiaoming")]
    #[case("单小明", "dxm", "danxiaoming")]
    #[case("曾三", "zs", "zengsan")]
    #[case("曾三", "cs", "cengsan")]
    #[case("欧阳娜娜", "oynn", "ouyangnana")]
    #[case("尉迟四", "ycs", "yuchisi")]
    #[case("吕五", "lw", "lvwu")]
    #[case("吕五", "lw", "luwu")]
    #[case("朴六", "pl", "piaoliu")]
    fn all_readings_of_surnames(#[case] name: &str, #[case] letters: &str, #[case] full: &str) {
        let forms = forms(name);
        assert!(forms.initials.iter().any(|i| i == letters), "{forms:?}");
        assert!(forms.full.iter().any(|f| f == full), "{forms:?}");
    }

    #[test]
    fn the_first_reading_elsewhere_and_nothing_for_latin_names() {
        assert_eq!(forms("张单").full, vec!["zhangdan"]);
        assert_eq!(forms("John Smith"), super::Forms::default());
        assert_eq!(initials("0.9%氯化钠注射液"), "0.9%lhnzsy");
    }
}
