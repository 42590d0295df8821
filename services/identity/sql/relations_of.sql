-- The relations of a person, on either side; the newest hundred.
select id from relations where holder_id = $1 or for_id = $1 order by updated_at desc, id limit 100
