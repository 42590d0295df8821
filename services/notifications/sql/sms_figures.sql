-- How the companies do, by what they have begun since $1: bad is what they did not take, or have not taken for ten
-- seconds at $2.
select provider, count(*)::int as attempts,
       count(*) filter (where status = 'technical-failure'
                           or (status = 'sending' and began_at < $2::timestamptz - interval '10 seconds'))::int as bad
from attempts
where channel = 'sms' and began_at >= $1
group by provider
