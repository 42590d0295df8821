-- The newest seal of the log.
select number, hash from seals order by number desc limit 1
