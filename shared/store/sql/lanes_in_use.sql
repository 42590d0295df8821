-- Of which of these keys ($2) something waits in a lane ($1). Asked once the aggregates are locked, so that nobody adds
-- to it meanwhile.
select distinct key from jobs where lane = $1 and key = any($2::uuid[])
