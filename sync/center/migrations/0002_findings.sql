-- What the rules found at the centre. One run of a pack over one facility is one row with its findings, stored
-- in one transaction, so that a run that was cut off is as if it had not been. Findings name persons: they lie
-- in this encrypted database and nowhere else. The findings of a run that was replaced are removed with it.

CREATE TABLE audit (
    id             TEXT NOT NULL PRIMARY KEY,
    fixmedins_code TEXT NOT NULL,
    pack           TEXT NOT NULL,
    -- Digest of the pack and version of the engine: the same rules.
    rules_state    TEXT NOT NULL,
    -- Digest of the partitions and of what the persons did elsewhere: the same data.
    data_state     TEXT NOT NULL,
    -- Digest of all partitions of all facilities as they were last compared.
    city_state     TEXT NOT NULL,
    at_ms          INTEGER NOT NULL,
    outcome        BLOB NOT NULL
) STRICT;

-- Which run of a facility counts.
CREATE TABLE audited (
    fixmedins_code TEXT NOT NULL PRIMARY KEY,
    audit          TEXT NOT NULL REFERENCES audit(id)
) STRICT;

CREATE TABLE finding (
    audit       TEXT NOT NULL REFERENCES audit(id),
    nr          INTEGER NOT NULL,
    key         TEXT NOT NULL,
    rule        TEXT NOT NULL,
    grade       TEXT NOT NULL,
    principal   INTEGER NOT NULL,
    weight      INTEGER NOT NULL,
    -- Millionths, exact; the body has them to the cent.
    amount      INTEGER,
    fund_amount INTEGER,
    body        TEXT NOT NULL,
    PRIMARY KEY (audit, nr)
) STRICT;
