-- Payouts of a request that has ended are found by it; what is not owed any more goes back to the agency.
alter table payouts add column for_id uuid generated always as ((state ->> 'for_id')::uuid) stored;
create index payouts_by_request on payouts (for_id, id);

alter table transfers drop constraint transfers_kind_check;
alter table transfers add constraint transfers_kind_check check (
    kind in ('capture', 'refund-due', 'refund-made', 'payout-due', 'payout-cancelled', 'payout-made'));
