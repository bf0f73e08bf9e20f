//! The log against `tlog_tiles` and `signed_note`, which the centre writes it with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{HashReader, prove_record, prove_tree, stored_hashes, tree_hash};

use super::{
    Checkpoint, LogFault, LogKey, LogProof, leaf_hash, node_hash, parse_hash, verify_consistency,
    verify_inclusion,
};
use crate::Hash32;
use crate::peers::shared;
use crate::testkit::TestLog;

#[derive(Default)]
struct Stored(Vec<tlog_tiles::Hash>);

impl HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
    }
}

fn entry(n: u64) -> Vec<u8> {
    format!("entry {n}").into_bytes()
}

fn theirs(size: u64) -> Stored {
    let mut stored = Stored::default();
    for n in 0..size {
        let more = stored_hashes(n, &entry(n), &stored).unwrap();
        stored.0.extend(more);
    }
    stored
}

fn hashes(list: &[tlog_tiles::Hash]) -> Vec<Hash32> {
    list.iter().map(|h| Hash32(h.0)).collect()
}

#[test]
fn proofs_of_the_centre_hold_and_no_others() {
    let stored = theirs(40);
    for size in 1..=40 {
        let root = Hash32(tree_hash(size, &stored).unwrap().0);
        for index in 0..size {
            let path = hashes(&prove_record(size, index, &stored).unwrap());
            let leaf = leaf_hash(&entry(index));
            assert_eq!(verify_inclusion(index, size, &leaf, &path, &root), Ok(()));
            let wrong = Err(LogFault::Inclusion);
            assert_eq!(verify_inclusion(index, size, &leaf_hash(b"other"), &path, &root), wrong);
            assert_eq!(verify_inclusion(index, size, &leaf, &path, &Hash32::ZERO), wrong);
            assert_eq!(verify_inclusion(size, size, &leaf, &path, &root), wrong);
            let mut longer = path.clone();
            longer.push(Hash32::ZERO);
            assert_eq!(verify_inclusion(index, size, &leaf, &longer, &root), wrong);
            if !path.is_empty() {
                assert_eq!(verify_inclusion(index, size, &leaf, &path[1..], &root), wrong);
            }
        }
    }
    assert_eq!(verify_inclusion(0, 0, &Hash32::ZERO, &[], &Hash32::ZERO), Err(LogFault::Inclusion));
}

#[test]
fn a_newer_tree_contains_the_older_one_or_not() {
    let stored = theirs(40);
    let at = |size: u64| {
        let root = if size == 0 {
            Hash32::sha256(b"")
        } else {
            Hash32(tree_hash(size, &stored).unwrap().0)
        };
        Checkpoint { origin: "log".to_owned(), size, root }
    };
    for new in 1..=40 {
        for old in 1..=new {
            let path = hashes(&prove_tree(new, old, &stored).unwrap());
            assert_eq!(verify_consistency(&at(old), &at(new), &path), Ok(()), "{old} {new}");
            let other = Checkpoint { root: Hash32::ZERO, ..at(old) };
            assert!(verify_consistency(&other, &at(new), &path).is_err(), "{old} {new}");
            let other = Checkpoint { root: Hash32::ZERO, ..at(new) };
            assert!(verify_consistency(&at(old), &other, &path).is_err(), "{old} {new}");
        }
        assert_eq!(verify_consistency(&at(0), &at(new), &[]), Ok(()));
    }
    assert!(verify_consistency(&at(5), &at(4), &[]).is_err());
    let renamed = Checkpoint { origin: "other".to_owned(), ..at(4) };
    assert!(verify_consistency(&at(4), &renamed, &[]).is_err());
}

#[test]
fn the_testkit_log_agrees_with_the_centres() {
    let stored = theirs(21);
    let log = TestLog::new("log.example.invalid/x");
    (0..21).for_each(|n| {
        let _ = log.append(&entry(n));
    });
    for size in 1..=21 {
        assert_eq!(log.checkpoint(size).root.0, tree_hash(size, &stored).unwrap().0);
        for index in 0..size {
            let path = hashes(&prove_record(size, index, &stored).unwrap());
            assert_eq!(log.prove(index, size).hashes, path);
            let path = hashes(&prove_tree(size, index + 1, &stored).unwrap());
            assert_eq!(log.prove_consistency(index + 1, size), path);
        }
    }
}

#[test]
fn notes_are_read_alike_in_both_directions() {
    // Theirs, read by us. RFC 8032 test seed.
    let seed =
        hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let public = ring::signature::KeyPair::public_key(&pair).as_ref().try_into().unwrap();
    let key = LogKey::new("log.example.invalid/x", public).unwrap();
    let skey = format!(
        "PRIVATE+KEY+{}+{}+{}",
        key.name(),
        hex::encode(key.id()),
        STANDARD.encode([&[1][..], &seed].concat())
    );
    let signer = StandardSigner::new(&skey).unwrap();
    let checkpoint =
        Checkpoint { origin: key.name().to_owned(), size: 7, root: Hash32::sha256(b"r") };
    let mut note = Note::new(checkpoint.to_text().as_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let text = String::from_utf8(note.to_bytes()).unwrap();
    assert_eq!(Checkpoint::open(&text, &key).unwrap(), checkpoint);
    assert_eq!(Checkpoint::peek(&text).unwrap(), checkpoint);
    assert_eq!(LogKey::parse(&key.to_vkey()).unwrap(), key);
    // Ours, read by them.
    let log = TestLog::new("log.example.invalid/y");
    log.append(b"x");
    let note = Note::from_bytes(log.signed_checkpoint(1).as_bytes()).unwrap();
    let verifier = StandardVerifier::new(&log.key().to_vkey()).unwrap();
    note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    let theirs = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((theirs.size(), theirs.hash().0), (1, leaf_hash(b"x").0));
}

#[test]
fn keys_checkpoints_and_proofs_of_another_form_are_refused() {
    let log = TestLog::new("log.example.invalid/x");
    (0..3).for_each(|n| {
        let _ = log.append(&entry(n));
    });
    let vkey = log.key().to_vkey();
    let (name, rest) = vkey.split_once('+').unwrap();
    for bad in [
        String::new(),
        name.to_owned(),
        format!("other+{rest}"),
        format!("{name}+{}+{}", hex::encode(log.key().id()), STANDARD.encode([2; 33])),
        vkey.to_uppercase(),
        format!("{vkey}AAAA"),
        format!("a b+{rest}"),
    ] {
        assert!(LogKey::parse(&bad).is_err(), "{bad}");
    }
    let note = log.signed_checkpoint(3);
    let other = TestLog::new("log.example.invalid/x");
    other.append(b"x");
    assert_eq!(Checkpoint::open(&note, &other.key()), Err(LogFault::OtherLog));
    let renamed = TestLog::new("log.example.invalid/z");
    assert_eq!(Checkpoint::open(&note, &renamed.key()), Err(LogFault::OtherLog));
    assert_eq!(
        Checkpoint::open(&note.replacen("\n3\n", "\n4\n", 1), &log.key()),
        Err(LogFault::Signature)
    );
    for bad in [
        note.replacen("\n3\n", "\n03\n", 1),
        note.replacen("\n3\n", "\n-3\n", 1),
        note.replace('\u{2014}', "-"),
        note.trim_end().to_owned(),
        note.replace('\n', "\r\n"),
        note.replacen("\n\n", "\n", 1),
        String::new(),
    ] {
        assert!(Checkpoint::open(&bad, &log.key()).is_err(), "{bad}");
    }
    // A witness may sign too.
    let witness = TestLog::new("witness.example.invalid");
    let line = witness.sign(&log.checkpoint(3)).lines().last().unwrap().to_owned();
    assert!(Checkpoint::open(&format!("{note}{line}\n"), &log.key()).is_ok());
    let proof = log.prove(1, 3);
    let text = proof.to_text();
    assert_eq!(LogProof::parse(&text).unwrap(), proof);
    assert_eq!(proof.verify(&entry(1), &log.key()).unwrap(), log.checkpoint(3));
    assert_eq!(proof.verify(&entry(2), &log.key()), Err(LogFault::Inclusion));
    for bad in [
        text.replace("@v1", "@v2"),
        text.replace("index 1", "index 01"),
        text.replace("index 1", "index one"),
        text.replacen("\n\n", "\n", 1),
        format!(" {text}"),
    ] {
        assert!(LogProof::parse(&bad).is_err(), "{bad}");
    }
    assert!(parse_hash("AAAA").is_none());
    assert_ne!(node_hash(&Hash32::ZERO, &Hash32::ZERO), leaf_hash(&[0; 64]));
}

/// The nine leaves of the golden sample's log lead to its checkpoints (R: consistency of the log).
#[test]
fn the_golden_log_is_consistent() {
    let Some(folder) = shared("referee/sample", "the_golden_log_is_consistent") else { return };
    let key = std::fs::read_to_string(folder.join("log-key.txt")).unwrap();
    let key = LogKey::parse(&key).unwrap();
    let leaves = std::fs::read(folder.join("log-entries.jsonl")).unwrap();
    let log = TestLog::new(key.name());
    for line in leaves.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        crate::entry::LogEntry::parse(line).unwrap();
        log.append(line);
    }
    assert_eq!(log.size(), 9);
    for old in 1..=9 {
        for new in old..=9 {
            let path = log.prove_consistency(old, new);
            verify_consistency(&log.checkpoint(old), &log.checkpoint(new), &path).unwrap();
        }
    }
}
