-- Approvals are bound to the person they are held for and to the record their use creates, and STS
-- publishes decisions of the subject plane itself.

ALTER TABLE step_up_challenges
    ADD COLUMN subject_anchor text,
    ADD COLUMN consumed_authority_record_id text;

-- Serves the hourly sweep, which looks for the moment at which an approval ended, however it did.
CREATE INDEX step_up_challenges_sweep_idx ON step_up_challenges (
    GREATEST(COALESCE(consumed_at, '-infinity'), COALESCE(rejected_at, '-infinity'), expires_at)
);

GRANT INSERT ON event_outbox TO caracalsts;
