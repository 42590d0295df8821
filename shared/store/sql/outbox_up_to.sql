-- How much of the outbox up to a place is still to be published.
select count(*) from outbox where seq <= $1
