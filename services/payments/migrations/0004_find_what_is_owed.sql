-- What is owed and not paid yet, for counting it and for its age: few rows of many. And the ledger in the order of its
-- bookings, so that its balances can be carried on from where they were counted last.
create index payments_refund_due on payments (id)
    where jsonb_path_exists(state, '$.attempts.* ? (@.status == "refund_due")');
create index payouts_due on payouts (status, id) where status in ('needs_account', 'ready');
create index transfers_by_time on transfers (booked_at, id);
