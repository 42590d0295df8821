-- What Kafka has acknowledged leaves the outbox, and the rows of the log among it are sealed.
with published as (
    delete from outbox where seq = any($1::bigint[])
)
insert into seals (number, seqs, hash) select $2, $3::bigint[], $4 where cardinality($3::bigint[]) > 0
