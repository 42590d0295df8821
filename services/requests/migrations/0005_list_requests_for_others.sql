-- The requests that are for somebody other than whoever has sent them: one's own, however many, are not passed over. An
-- expression has statistics of its own, so the planner knows that these are few.
create index requests_for_others on requests (nullif(beneficiary_id, applicant_id), id desc);
