-- no-transaction
-- Requests that have not ended by whom they wait for: for counting them, and nothing else is in it.
create index concurrently if not exists requests_waiting on requests ((state ->> 'waits_for')) where state ->> 'waits_for' is not null;
