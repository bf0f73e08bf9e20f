//! A trouble can be read whole and put away, whatever its length, size of text and language.

use std::collections::BTreeMap;

use spotcheck_domain::Trouble;

use super::places::unlock;
use crate::language::ENGLISH;
use crate::options::ThemeMode;
use crate::testkit::face::Face;
use crate::testkit::fake_desk::{FIRST_PIN, FakeDesk};
use crate::testkit::gallery::{LARGE, SMALL, options};

/// Codes whose English sentences are the longest.
fn longest(count: usize) -> Vec<String> {
    let is_code = |c: char| c.is_ascii_uppercase() || c == '-' || c.is_ascii_digit();
    let mut lengths: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, words) in ENGLISH {
        let parts = [" happened", " safe", " advice"];
        let code = parts.iter().find_map(|part| key.strip_suffix(part));
        if let Some(code) = code.filter(|code| code.chars().all(is_code)) {
            *lengths.entry(code).or_default() += words.len();
        }
    }
    let mut codes: Vec<(&str, usize)> = lengths.into_iter().collect();
    codes.sort_by_key(|(code, length)| (std::cmp::Reverse(*length), *code));
    codes.into_iter().take(count).map(|(code, _)| code.to_owned()).collect()
}

/// Reads a card to its last word and puts it away.
fn read(face: &Face, trouble: &Trouble, height: f32, last: &str) {
    face.show_trouble(trouble).unwrap();
    // Below it stand the keys of recording and photos.
    let label = face.controls().into_iter().map(|c| c.label).nth_back(2).unwrap();
    let (top, end) = face.height_of(&label).unwrap();
    assert!(top > 0.0 && end <= height, "{}: {label} ends at {end}", trouble.code);
    let mut before = f32::MAX;
    loop {
        let (_, end) = face.height_of(last).unwrap();
        if end <= top {
            break;
        }
        assert!(end < before, "{}: {last} ends at {end}, below {top}, and rests", trouble.code);
        before = end;
        face.scroll(-120.0).unwrap();
    }
    face.tap(&label).unwrap();
    assert!(!face.shows(last), "it is put away");
}

/// ui.md: what happened, what is safe, what to do; nothing of it below the edge of the screen.
#[test]
fn the_longest_trouble_is_read_whole_at_130_percent_in_english() {
    for (size, codes) in [(SMALL, 6), (LARGE, 2)] {
        let desk = FakeDesk::new().with_large_text();
        let face = Face::open(Box::new(desk), &options(ThemeMode::Light), size).unwrap();
        face.speak_english().unwrap();
        unlock(&face, FIRST_PIN);
        #[allow(clippy::cast_precision_loss, reason = "a screen")]
        let height = size.1 as f32;
        for code in longest(codes) {
            let happened =
                "数据包的签名与中心的证书对不上，文件可能在路上被换过，也可能只是没有下载完整";
            let safe = "本机已有的数据、录音和文书都在，这个数据包没有打开，也没有覆盖原来的数据包";
            let advice =
                "回到中心的网络重新取回；再出现时把代码告诉管理员，并在中心核对证书是否已更换";
            let trouble = Trouble::new(&code, happened, safe, advice);
            read(&face, &trouble, height, &format!("{safe}。{happened}。{advice}"));
        }
    }
}

/// A short one does not scroll and stands in the middle.
#[test]
fn a_short_trouble_is_as_high_as_its_words() {
    let face = super::way::unlocked();
    face.show_trouble(&Trouble::new("A-1", "坏了", "都在", "再来")).unwrap();
    let (top, end) = face.height_of("出错：坏了").unwrap();
    assert!(end - top < 400.0, "{}", end - top);
    let (key, _) = face.height_of("录音").unwrap();
    let (above, below) = (top - 28.0, key - 10.0 - end);
    assert!((above - below).abs() < 4.0, "{above} above, {below} below");
}
