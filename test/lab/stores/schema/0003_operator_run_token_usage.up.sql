-- What a run of the Console assistant cost, and which provider served it.

ALTER TABLE operator_message_runs
    ADD COLUMN input_tokens            bigint NOT NULL DEFAULT 0,
    ADD COLUMN output_tokens           bigint NOT NULL DEFAULT 0,
    ADD COLUMN usage_by_provider_model jsonb  NOT NULL DEFAULT '[]',
    ADD COLUMN served_provider_id      text,
    ADD COLUMN served_model            text;

-- NOT VALID: new rows are checked at once, old rows are not scanned under the table lock.
ALTER TABLE operator_message_runs
    ADD CONSTRAINT operator_message_runs_input_tokens_check
        CHECK (input_tokens >= 0) NOT VALID,
    ADD CONSTRAINT operator_message_runs_output_tokens_check
        CHECK (output_tokens >= 0) NOT VALID,
    ADD CONSTRAINT operator_message_runs_usage_by_provider_model_check
        CHECK (jsonb_typeof(usage_by_provider_model) = 'array') NOT VALID;
