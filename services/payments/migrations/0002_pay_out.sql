-- What agencies pay to people, and the accounts that people have named.
create table payouts (
    like aggregates including all,
    payee_id uuid generated always as ((state ->> 'payee_id')::uuid) stored,
    status text generated always as (state ->> 'status') stored
) with (fillfactor = 85);
create index payouts_by_payee on payouts (payee_id, id desc);

create table payout_accounts (
    like aggregates including all
) with (fillfactor = 85);

-- A transfer is of a payment or of a payout; a capture that several agencies earn is a transfer to each.
alter table transfers drop constraint transfers_kind_check;
alter table transfers add constraint transfers_kind_check
    check (kind in ('capture', 'refund-due', 'refund-made', 'payout-due', 'payout-made'));
