-- keys.db, version 1. Frozen after release: a later change is a new file.
-- Every BLOB here is sealed once more (AES-256-GCM or age) under a key that is not in this database.

CREATE TABLE device (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    enrolment    TEXT    NOT NULL,             -- DeviceEnrolment as JSON: certificates and recipients, all public
    tls_key      BLOB    NOT NULL,             -- PKCS#8, sealed by the device secret alone (boot class)
    evidence_key BLOB    NOT NULL              -- PKCS#8, sealed by the device secret alone
) STRICT;

-- Keys that wait for their certificates: 'device' or 'officer/<id>'. JSON, sealed by the device secret.
CREATE TABLE pending (
    name TEXT PRIMARY KEY NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE officer (
    id            TEXT    PRIMARY KEY NOT NULL,
    name          TEXT    NOT NULL,
    chain         TEXT    NOT NULL,            -- PEM, leaf first
    until         TEXT    NOT NULL,            -- last day of the leaf, yyyy-MM-dd, Beijing
    vmk_kib       INTEGER NOT NULL,            -- Argon2id cost of vmk_wrap
    vmk_passes    INTEGER NOT NULL,
    vmk_lanes     INTEGER NOT NULL,
    vmk_salt      BLOB    NOT NULL,
    vmk_wrap      BLOB    NOT NULL,            -- vault key under KEK(device secret, PIN)
    recipient     TEXT    NOT NULL,            -- age1…, the officer's own, public
    identity_wrap BLOB    NOT NULL,            -- its secret half under the vault key
    sign_kib      INTEGER NOT NULL,            -- Argon2id cost of sign_wrap: own salt, own KEK
    sign_passes   INTEGER NOT NULL,
    sign_lanes    INTEGER NOT NULL,
    sign_salt     BLOB    NOT NULL,
    sign_wrap     BLOB    NOT NULL,            -- P-256 PKCS#8 under KEK(device secret, PIN), not under the vault key
    wrong_pins    INTEGER NOT NULL DEFAULT 0,
    wrong_boot_id TEXT    NOT NULL DEFAULT '', -- boot in which the last wrong PIN was entered
    wrong_at_ms   INTEGER NOT NULL DEFAULT 0   -- CLOCK_BOOTTIME of it
) STRICT;

-- The handheld's package identity: only its public half stands here.
CREATE TABLE package (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    recipient TEXT NOT NULL
) STRICT;

CREATE TABLE case_keys (
    id        TEXT    PRIMARY KEY NOT NULL,
    recipient TEXT    NOT NULL,                -- age1… of the case: public, so that recording works while locked
    shredded  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Officers of a case, with or without a key here: who gets one later gets the case too.
CREATE TABLE case_officer (
    case_id TEXT NOT NULL REFERENCES case_keys (id),
    officer TEXT NOT NULL,
    PRIMARY KEY (case_id, officer)
) STRICT, WITHOUT ROWID;

-- age files to an officer's own recipient. subject: '' for the package identity, else a case.
CREATE TABLE wrap (
    kind      TEXT NOT NULL CHECK (kind IN ('package', 'case')),
    subject   TEXT NOT NULL,
    officer   TEXT NOT NULL REFERENCES officer (id),
    recipient TEXT NOT NULL,                   -- the officer's recipient at that time: another one now means wrap again
    body      BLOB NOT NULL,
    PRIMARY KEY (kind, subject, officer)
) STRICT, WITHOUT ROWID;

-- One row if the file must still be rewritten under a new key after a shred.
CREATE TABLE rewrite_due (
    id INTEGER PRIMARY KEY CHECK (id = 1)
) STRICT;
