-- What became of findings after the site. Every step is a row of its own and stays: what was said, by whom and
-- when, is part of the case. The order of states is judged by the program (domain::procedure).

CREATE TABLE finding_state (
    key    TEXT NOT NULL,
    seq    INTEGER NOT NULL,
    -- The bundle whose finding it was when the step was taken.
    bundle TEXT NOT NULL REFERENCES bundle(id),
    state  TEXT NOT NULL,
    answer TEXT,
    at_ms  INTEGER NOT NULL,
    by     TEXT NOT NULL,
    reason TEXT,
    -- Last day on which the party may answer, yyyy-MM-dd.
    due    TEXT,
    PRIMARY KEY (key, seq)
) STRICT;

-- What is to be put right on a finding: asked, then done or not done.
CREATE TABLE rectification (
    key    TEXT NOT NULL,
    nr     INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    state  TEXT NOT NULL CHECK (state IN ('asked', 'done', 'not_done')),
    at_ms  INTEGER NOT NULL,
    by     TEXT NOT NULL,
    text   TEXT NOT NULL,
    due    TEXT,
    PRIMARY KEY (key, nr, seq)
) STRICT;

CREATE TRIGGER finding_state_kept BEFORE UPDATE ON finding_state
    BEGIN SELECT RAISE(ABORT, 'finding_state is only appended to'); END;
CREATE TRIGGER finding_state_stays BEFORE DELETE ON finding_state
    BEGIN SELECT RAISE(ABORT, 'finding_state is only appended to'); END;
CREATE TRIGGER rectification_kept BEFORE UPDATE ON rectification
    BEGIN SELECT RAISE(ABORT, 'rectification is only appended to'); END;
CREATE TRIGGER rectification_stays BEFORE DELETE ON rectification
    BEGIN SELECT RAISE(ABORT, 'rectification is only appended to'); END;
