-- Has the newest states of the next aggregates published again. $1 the aggregate's name, $2 after which id, $3 how many.
with page as (
    select id from {table} where id > $2 order by id limit $3
), added as (
    insert into outbox (aggregate, aggregate_id) select $1, id from page order by id returning seq
)
select (select count(*) from page) as events, (select id from page order by id desc limit 1) as last_id,
       (select max(seq) from added) as outbox_place
