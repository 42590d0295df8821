-- The transactions that may have recorded something and have not ended: whoever writes to the log holds this lock until
-- it does. A place of the log that was seen before is complete once none of these is there any more.
select distinct virtualtransaction from pg_locks
where locktype = 'relation' and relation = 'event_log'::regclass and mode = 'RowExclusiveLock' and granted
  and database = (select oid from pg_database where datname = current_database())
