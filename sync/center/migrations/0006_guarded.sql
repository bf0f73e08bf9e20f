-- Breakdowns of drugs by doctor or department that officers opened (against 统方), out of the device journals:
-- one row per line of a journal. Journals that came before are read here.

CREATE TABLE guarded_view (
    device     TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    officer    TEXT NOT NULL,
    -- yyyy-MM-dd as the handheld wrote it.
    day        TEXT NOT NULL,
    task       TEXT NOT NULL,
    indicators TEXT NOT NULL,
    dimensions TEXT NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (device, seq)
) STRICT;
CREATE INDEX guarded_view_officer ON guarded_view (officer, day);

INSERT INTO guarded_view (device, seq, officer, day, task, indicators, dimensions, reason)
SELECT device, seq,
    COALESCE(json_extract(CAST(line AS TEXT), '$.officer'), ''),
    COALESCE(substr(json_extract(CAST(line AS TEXT), '$.wall'), 1, 10), ''),
    COALESCE(json_extract(CAST(line AS TEXT), '$.subject'), ''),
    COALESCE(json_extract(CAST(line AS TEXT), '$.facts.indicators'), ''),
    COALESCE(json_extract(CAST(line AS TEXT), '$.facts.by'), ''),
    COALESCE(json_extract(CAST(line AS TEXT), '$.facts.reason'), '')
FROM device_journal
WHERE CASE WHEN json_valid(CAST(line AS TEXT)) THEN json_extract(CAST(line AS TEXT), '$.kind') END
    = 'guarded_viewed';
