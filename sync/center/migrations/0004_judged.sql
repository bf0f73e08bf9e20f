-- What the officers made of findings on site, as received bundles say it. One bundle is read in one transaction;
-- reading it again replaces what was read. Counted is only what lies under a bundle that was received.

CREATE TABLE judged_bundle (
    bundle         TEXT NOT NULL PRIMARY KEY REFERENCES bundle(id),
    task           TEXT NOT NULL,
    -- The data package that was shown on site; NULL where there was none.
    package        TEXT,
    fixmedins_code TEXT NOT NULL,
    read_ms        INTEGER NOT NULL
) STRICT;

CREATE TABLE superseded (
    bundle TEXT NOT NULL,
    by     TEXT NOT NULL REFERENCES judged_bundle(bundle),
    PRIMARY KEY (bundle, by)
) STRICT;

CREATE TABLE judged (
    bundle      TEXT NOT NULL REFERENCES judged_bundle(bundle),
    -- F1 … inside the bundle.
    nr          TEXT NOT NULL,
    -- The same fact has the same key in every run.
    key         TEXT NOT NULL,
    -- Empty where an officer found it without a rule.
    rule        TEXT NOT NULL,
    pack        TEXT NOT NULL,
    state       TEXT NOT NULL,
    reason      TEXT,
    officer     TEXT NOT NULL,
    at          TEXT NOT NULL,
    subject     TEXT NOT NULL,
    text        TEXT NOT NULL,
    amount      TEXT,
    fund_amount TEXT,
    loss_method TEXT,
    PRIMARY KEY (bundle, nr)
) STRICT;
CREATE INDEX judged_key ON judged (key);
CREATE INDEX judged_rule ON judged (rule, pack);

-- A rule that the officers of a visit did not want to see any more.
CREATE TABLE silenced (
    bundle  TEXT NOT NULL REFERENCES judged_bundle(bundle),
    rule    TEXT NOT NULL,
    pack    TEXT NOT NULL,
    reason  TEXT NOT NULL,
    officer TEXT NOT NULL,
    at      TEXT NOT NULL,
    PRIMARY KEY (bundle, rule)
) STRICT;

-- How many findings of each rule a package showed.
CREATE TABLE package_rule (
    package TEXT NOT NULL REFERENCES package(id),
    rule    TEXT NOT NULL,
    pack    TEXT NOT NULL,
    shown   INTEGER NOT NULL,
    PRIMARY KEY (package, rule, pack)
) STRICT;
