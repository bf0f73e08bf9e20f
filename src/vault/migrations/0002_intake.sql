-- keys.db, version 2: the centre may change its intake key. Frozen after release: a later change is a new file.
-- A case keeps the key it was begun with; until now there was the one of the enrolment. NULL: the case was taken over from
-- another handheld, and what it was sealed for there is not known here.
ALTER TABLE case_keys ADD COLUMN intake TEXT;
ALTER TABLE case_keys ADD COLUMN intake_id TEXT;
UPDATE case_keys SET
    intake    = (SELECT json_extract(enrolment, '$.intake') FROM device),
    intake_id = (SELECT json_extract(enrolment, '$.intake_id') FROM device);
