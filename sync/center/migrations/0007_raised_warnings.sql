-- Warnings that the indicators of a facility raised when they were last computed, one row for each role that is
-- told. Computing an indicator again replaces what it raised before.

CREATE TABLE raised_warning (
    fixmedins_code TEXT NOT NULL,
    warning        TEXT NOT NULL,
    role           TEXT NOT NULL,
    indicator      TEXT NOT NULL,
    name           TEXT NOT NULL,
    value          TEXT NOT NULL,
    threshold      TEXT NOT NULL,
    origin         TEXT NOT NULL,
    period_from    TEXT NOT NULL,
    period_to      TEXT NOT NULL,
    pack           TEXT NOT NULL,
    at_ms          INTEGER NOT NULL,
    PRIMARY KEY (fixmedins_code, warning, role)
) STRICT;
CREATE INDEX raised_warning_role ON raised_warning (role, fixmedins_code);
