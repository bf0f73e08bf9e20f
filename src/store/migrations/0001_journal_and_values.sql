-- Frozen. A change of the form is a new file with the next number.
CREATE TABLE journal (
    seq  INTEGER PRIMARY KEY,
    line BLOB NOT NULL
) STRICT;

-- A journal only grows: nothing in the product may rewrite or remove a line, not even by mistake.
CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;
CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END;

CREATE TABLE value (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key  TEXT NOT NULL,
    json TEXT NOT NULL,
    UNIQUE (kind, key)
) STRICT;
