-- A page of the ledger after (booked at $1, id $2) and booked before $3, added up by account, and where the page ends.
with page as (
    select id, debit, credit, amount_fils, booked_at from transfers
    where (booked_at, id) > ($1::timestamptz, $2::uuid) and booked_at < $3 order by booked_at, id limit $4
), entries as (
    select debit as account, amount_fils from page
    union all
    select credit, -amount_fils from page
), last as (
    select booked_at, id from page order by booked_at desc, id desc limit 1
)
select e.account, sum(e.amount_fils)::bigint as fils, (select booked_at from last) as booked_at,
       (select id from last) as id, (select count(*) from page) as transfers
from entries e group by e.account
