-- Everything small that the centre knows. Claims are not here: they are partition files of their own.
-- Frozen after release: changes come as 0002_*.sql. ULID or hash keys only, no sequences, so that the same
-- shape fits PostgreSQL-compatible distributed engines.

CREATE TABLE setting (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE device (
    id                TEXT NOT NULL PRIMARY KEY,
    name              TEXT NOT NULL,
    created_ms        INTEGER NOT NULL,
    revoked_ms        INTEGER
) STRICT;

-- The handheld's package identity comes with its first officer; the newest one counts.
CREATE TABLE package_recipient (
    device     TEXT NOT NULL PRIMARY KEY REFERENCES device(id),
    recipient  TEXT NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE officer (
    id                     TEXT NOT NULL PRIMARY KEY,
    name                   TEXT NOT NULL,
    agency                 TEXT NOT NULL,
    credential_kind        TEXT NOT NULL,
    credential_number      TEXT NOT NULL,
    credential_valid_until TEXT,
    created_ms             INTEGER NOT NULL,
    revoked_ms             INTEGER
) STRICT;

CREATE TABLE ticket (
    locator    TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('device', 'officer')),
    subject    TEXT NOT NULL,
    body       BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms    INTEGER
) STRICT;

CREATE TABLE certificate (
    sha256        TEXT NOT NULL PRIMARY KEY,
    issuer        TEXT NOT NULL CHECK (issuer IN ('tls', 'evidence')),
    serial        TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('server', 'device-tls', 'device', 'officer', 'centre')),
    subject       TEXT NOT NULL,
    device        TEXT,
    not_before_ms INTEGER NOT NULL,
    not_after_ms  INTEGER NOT NULL,
    der           BLOB NOT NULL,
    revoked_ms    INTEGER,
    UNIQUE (issuer, serial)
) STRICT;
CREATE INDEX certificate_subject ON certificate (kind, subject);

CREATE TABLE facility (
    fixmedins_code TEXT NOT NULL PRIMARY KEY,
    body           BLOB NOT NULL,
    changed_ms     INTEGER NOT NULL
) STRICT;

-- Which partition file is current. Facility '' is the region's own.
CREATE TABLE partition (
    facility TEXT NOT NULL,
    month    TEXT NOT NULL,
    body     BLOB NOT NULL,
    PRIMARY KEY (facility, month)
) STRICT;

CREATE TABLE task (
    id         TEXT NOT NULL PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    body       BLOB NOT NULL
) STRICT;

CREATE TABLE task_device (
    task   TEXT NOT NULL REFERENCES task(id),
    device TEXT NOT NULL,
    PRIMARY KEY (task, device)
) STRICT;
CREATE INDEX task_device_device ON task_device (device, task);

CREATE TABLE package (
    id         TEXT NOT NULL PRIMARY KEY,
    task       TEXT NOT NULL REFERENCES task(id),
    created_ms INTEGER NOT NULL,
    files      BLOB NOT NULL,
    raw_key    BLOB NOT NULL
) STRICT;
CREATE INDEX package_task ON package (task, created_ms);

CREATE TABLE package_device (
    package TEXT NOT NULL REFERENCES package(id),
    device  TEXT NOT NULL,
    PRIMARY KEY (package, device)
) STRICT;

CREATE TABLE bundle (
    id                 TEXT NOT NULL PRIMARY KEY,
    device             TEXT NOT NULL,
    task               TEXT NOT NULL,
    tagmanifest_sha256 TEXT NOT NULL,
    state              TEXT NOT NULL CHECK (state IN ('announced', 'verifying', 'received', 'rejected', 'quarantined')),
    announcement       BLOB NOT NULL,
    announced_ms       INTEGER NOT NULL,
    committed_ms       INTEGER,
    accepted_ms        INTEGER,
    finished_ms        INTEGER,
    from_revoked       INTEGER NOT NULL DEFAULT 0,
    errors             BLOB NOT NULL,
    received           TEXT,
    log_index          INTEGER
) STRICT;
CREATE INDEX bundle_state ON bundle (state, announced_ms);

CREATE TABLE bundle_stamp (
    bundle     TEXT NOT NULL REFERENCES bundle(id),
    role       TEXT NOT NULL,
    tsr        BLOB NOT NULL,
    fetched_ms INTEGER NOT NULL,
    PRIMARY KEY (bundle, role)
) STRICT;

CREATE TABLE blob (
    device      TEXT NOT NULL,
    sha256      TEXT NOT NULL,
    size        INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (device, sha256)
) STRICT;

CREATE TABLE upload (
    id         TEXT NOT NULL PRIMARY KEY,
    device     TEXT NOT NULL,
    sha256     TEXT,
    length     INTEGER NOT NULL,
    offset     INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX upload_expires ON upload (expires_ms);

-- Work is claimed by lease: one UPDATE … RETURNING, no notification, no lock that outlives a process.
CREATE TABLE job (
    kind           TEXT NOT NULL,
    subject        TEXT NOT NULL,
    due_ms         INTEGER NOT NULL,
    attempts       INTEGER NOT NULL DEFAULT 0,
    lease_owner    TEXT,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    last_error     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (kind, subject)
) STRICT;
CREATE INDEX job_due ON job (due_ms);

CREATE TABLE log_leaf (
    idx     INTEGER NOT NULL PRIMARY KEY,
    kind    TEXT NOT NULL,
    subject TEXT UNIQUE,
    entry   BLOB NOT NULL
) STRICT;
CREATE INDEX log_leaf_kind ON log_leaf (kind, idx);

CREATE TABLE log_hash (
    idx  INTEGER NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- One row: whoever appends moves it from the size it saw, so two writers cannot both succeed.
CREATE TABLE log_state (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    size       INTEGER NOT NULL,
    checkpoint TEXT NOT NULL
) STRICT;
INSERT INTO log_state (id, size, checkpoint) VALUES (1, 0, '');

CREATE TABLE device_journal (
    device TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    line   BLOB NOT NULL,
    PRIMARY KEY (device, seq)
) STRICT;

-- What was done at the centre with other people's data.
CREATE TABLE act (
    id      TEXT NOT NULL PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL
) STRICT;
