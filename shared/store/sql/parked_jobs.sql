-- What is parked, oldest first, with how many wait behind each.
select j.id, j.kind, j.name, j.lane, j.key, j.reason, j.error, j.attempts, j.first_due_at, j.payload,
       (select count(*) from jobs b where b.lane = j.lane and b.key = j.key and (b.place, b.seq) > (j.place, j.seq)) as behind
from jobs j where j.state = 'parked' and ($1::uuid is null or j.id = $1) order by j.seq limit $2
