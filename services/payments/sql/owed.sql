-- What is owed to people: how much, in how many cases, $2 at most of a kind, and since when the oldest is.
with refunds as (
    select of.id
    from (
        select p.id from payments p where jsonb_path_exists(p.state, '$.attempts.* ? (@.status == "refund_due")')
        union all
        select b.id from baskets b where b.state ->> 'status' = 'refund_due'
    ) of limit $2
), payouts_waiting as (
    (select status, id from payouts where status = 'needs_account' limit $2)
    union all
    (select status, id from payouts where status = 'ready' limit $2)
), due as (
    select 'refund' as kind, r.id, 'refund-due' as booked from refunds r
    union all
    select 'payout_' || w.status, w.id, 'payout-due' from payouts_waiting w
), told as (
    select d.kind, d.id, (
        select max(t.booked_at) from transfers t where t.payment_id = d.id and t.kind = d.booked) as since
    from due d
)
select k.kind, count(told.id) as cases, coalesce(extract(epoch from $1 - min(told.since)), 0)::float8 as oldest_seconds
from unnest(array['refund', 'payout_needs_account', 'payout_ready']) as k (kind)
left join told on told.kind = k.kind
group by k.kind
