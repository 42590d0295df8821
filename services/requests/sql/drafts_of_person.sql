-- The forms that a person has begun, the newest first.
select id from drafts where person_id = $1 and is_kept order by updated_at desc limit $2
