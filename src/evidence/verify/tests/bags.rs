//! Bags whose lists do not say what is there: BagIt and sha256sum would pass most of them.

use super::{all_rejected, codes, judge, set};
use crate::Hash32;
use crate::bag::MANIFEST_SM3;
use crate::testkit::{Bag, Workshop};
use crate::verify::Report;

const PHOTO: &str = "data/media/0001.jpg";

/// The closed story with one change to its files, tag manifest and signatures made anew.
fn resigned(w: &Workshop, change: impl FnOnce(&mut Bag)) -> Report {
    let mut bag = w.story().close(&w.people);
    change(&mut bag);
    bag.recompute_tagmanifest();
    bag.sign(&w.people);
    judge(w, &bag)
}
#[test]
fn bags_that_are_not_what_their_lists_say_are_refused() {
    let w = &Workshop::new();
    let file = |path: &'static str, bytes: &'static [u8]| {
        resigned(w, |b| drop(b.files.insert(path.to_owned(), bytes.to_vec())))
    };
    // Added behind the signatures' back: no list knows it.
    let added = |path: &'static str| {
        let mut bag = w.bundle();
        bag.files.insert(path.to_owned(), b"x".to_vec());
        judge(w, &bag)
    };
    let text = |path: &'static str, edit: fn(String) -> String| {
        resigned(w, |b| {
            let old = String::from_utf8(b.files[path].clone()).unwrap();
            b.files.insert(path.to_owned(), edit(old).into_bytes());
        })
    };
    let tagmanifest = |edit: fn(String) -> String| {
        let mut bag = w.story().close(&w.people);
        let old = String::from_utf8(bag.files["tagmanifest-sha256.txt"].clone()).unwrap();
        bag.files.insert("tagmanifest-sha256.txt".to_owned(), edit(old).into_bytes());
        bag.sign(&w.people);
        judge(w, &bag)
    };
    let manifest = "manifest-sha256.txt";
    all_rejected(&[
        (
            "fetch.txt, listed",
            file("fetch.txt", b"http://files.example.invalid/x 1 data/x\n"),
            &["BAG-FETCH"],
        ),
        ("fetch.txt, unlisted", added("fetch.txt"), &["BAG-FETCH"]),
        ("manifest of another kind", file("manifest-md5.txt", b""), &["BAG-OTHER-MANIFEST"]),
        (
            "tag manifest of another kind",
            file("tagmanifest-sha512.txt", b""),
            &["BAG-OTHER-MANIFEST"],
        ),
        ("unlisted tag file", added("metadata/more.txt"), &["BAG-UNLISTED-FILE"]),
        ("unlisted tag file at the top", added("readme.txt"), &["BAG-UNLISTED-FILE"]),
        (
            "unlisted certificate",
            added("certificates/more.pem"),
            &["BAG-UNLISTED-FILE", "CERT-FILE"],
        ),
        ("unlisted payload", added("data/media/0009.jpg"), &["BAG-UNLISTED-FILE"]),
        (
            "payload listed and gone",
            {
                let mut bag = w.bundle();
                bag.files.remove(PHOTO);
                judge(w, &bag)
            },
            &["BAG-PAYLOAD-MISSING"],
        ),
        (
            "payload changed",
            {
                let mut bag = w.bundle();
                bag.files.get_mut(PHOTO).unwrap()[0] ^= 1;
                judge(w, &bag)
            },
            &["PAYLOAD-CHANGED", "RECORD-FILE", "SM3-DISAGREES"],
        ),
        (
            "tag file changed",
            {
                let mut bag = w.bundle();
                bag.files.get_mut("bag-info.txt").unwrap().extend(b"Extra: x\n");
                judge(w, &bag)
            },
            &["BAG-TAG-CHANGED"],
        ),
        (
            "another BagIt version",
            text("bagit.txt", |t| t.replace("1.0", "0.97")),
            &["BAG-DECLARATION"],
        ),
        (
            "another encoding",
            text("bagit.txt", |t| t.replace("UTF-8", "UTF-16")),
            &["BAG-DECLARATION"],
        ),
        ("bag-info folds", text("bag-info.txt", |t| t + " more\n"), &["BAG-INFO"]),
        (
            "bag-info label twice",
            text("bag-info.txt", |t| t.clone() + t.lines().next().unwrap() + "\n"),
            &["BAG-INFO"],
        ),
        ("oxum wrong", text("bag-info.txt", |t| t.replace(".10\n", ".11\n")), &["BAG-OXUM"]),
        (
            "another bundle",
            text("bag-info.txt", |t| t.replace("000001\n", "000002\n")),
            &["BUNDLE-ID"],
        ),
        (
            "another group",
            text("bag-info.txt", |t| t.replace("T-2026-0009", "T-2026-0010")),
            &["BAG-GROUP"],
        ),
        (
            "one space",
            text(manifest, |t| t.replacen("  ", " ", 1)),
            &["BAG-MANIFEST-FORM", "RECORD-FILE-MISSING", "SM3-OTHER-FILES", "ANNEX-AUDIO"],
        ),
        ("upper case", tagmanifest(|t| t.to_uppercase()), &["BAG-MANIFEST-FORM"]),
        (
            "not sorted",
            tagmanifest(|t| {
                let mut l: Vec<_> = t.lines().collect();
                l.reverse();
                l.join("\n") + "\n"
            }),
            &["BAG-MANIFEST-FORM"],
        ),
        (
            "line twice",
            tagmanifest(|t| {
                let first = t.lines().next().unwrap().to_owned() + "\n";
                first + &t
            }),
            &["BAG-MANIFEST-FORM"],
        ),
        (
            "tag manifest lists itself",
            tagmanifest(|t| t + &format!("{}  tagmanifest-sha256.txt\n", Hash32::ZERO)),
            &["BAG-TAGMANIFEST-SCOPE", "BAG-TAG-CHANGED"],
        ),
        (
            "tag manifest lists a signature",
            tagmanifest(|t| t + &format!("{}  signatures/device.p7s\n", Hash32::ZERO)),
            &["BAG-TAGMANIFEST-SCOPE", "BAG-TAG-CHANGED"],
        ),
        (
            "tag manifest without statement",
            tagmanifest(|t| {
                t.lines()
                    .filter(|l| !l.contains("statement"))
                    .fold(String::new(), |a, l| a + l + "\n")
            }),
            &["BAG-TAGMANIFEST-SCOPE", "BAG-UNLISTED-FILE"],
        ),
        (
            "SM3 list disagrees",
            text(MANIFEST_SM3, |t| {
                let zero = Hash32::ZERO.to_string();
                t.lines()
                    .enumerate()
                    .map(
                        |(n, l)| {
                            if n == 5 {
                                zero.clone() + &l[64..] + "\n"
                            } else {
                                l.to_owned() + "\n"
                            }
                        },
                    )
                    .collect()
            }),
            &["SM3-DISAGREES"],
        ),
        (
            "SM3 list one short",
            text(MANIFEST_SM3, |t| t.lines().skip(1).fold(String::new(), |a, l| a + l + "\n")),
            &["SM3-OTHER-FILES", "SM3-DISAGREES"],
        ),
    ]);
    let no_list = resigned(w, |b| drop(b.files.remove(MANIFEST_SM3)));
    assert_eq!(
        (codes(&no_list.errors), codes(&no_list.warnings).contains("SM3-MISSING")),
        (set(&[]), true)
    );
    let more = resigned(w, |b| drop(b.files.insert("metadata/case.jsonld".into(), b"{}".to_vec())));
    assert_eq!(
        (codes(&more.errors), codes(&more.not_judged)),
        (set(&[]), set(&["BAG-UNKNOWN-TAG"]))
    );
}
