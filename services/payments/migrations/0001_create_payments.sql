-- Payments, and the ledger: one row a transfer, from the account that it is debited to the one it is credited to.
create table payments (
    like aggregates including all,
    payer_id uuid generated always as ((state ->> 'payer_id')::uuid) stored,
    for_id uuid generated always as ((state ->> 'for_id')::uuid) stored,
    status text generated always as (state ->> 'status') stored
) with (fillfactor = 85);
create index payments_by_payer on payments (payer_id, for_id desc, id desc);
create index payments_by_request on payments (for_id);

create table transfers (
    id          uuid        primary key,
    payment_id  uuid        not null,
    kind        text        not null check (kind in ('capture', 'refund-due', 'refund-made')),
    debit       text        not null,
    credit      text        not null check (credit <> debit),
    amount_fils bigint      not null check (amount_fils > 0),
    booked_at   timestamptz not null
);
create index transfers_by_payment on transfers (payment_id);
