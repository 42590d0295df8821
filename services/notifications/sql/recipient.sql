-- A person as identity publishes them.
select person_id, name, is_deceased, mobile, email, language from recipients where person_id = $1
