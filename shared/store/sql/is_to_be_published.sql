-- Whether there is anything in the outbox: without a transaction, for who only looks.
select exists (select 1 from outbox)
