-- The balance of every account: what it was debited less what it was credited. They add up to nothing.
select account, sum(amount_fils)::bigint as balance_fils
from (
    select debit as account, amount_fils from transfers
    union all
    select credit, -amount_fils from transfers
) as entries
group by account order by account
