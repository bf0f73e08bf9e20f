-- Rule packs that are laid over the national one, in the order of their places. A pack of a name that is there
-- replaces it and keeps its place. Files and signature stay as they came.

CREATE TABLE rule_pack (
    name      TEXT NOT NULL PRIMARY KEY,
    version   TEXT NOT NULL,
    place     INTEGER NOT NULL,
    sha256    TEXT NOT NULL,
    signer    TEXT NOT NULL,
    added_ms  INTEGER NOT NULL,
    files     BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;
