-- A person as identity publishes them.
select person_id, name, birth_date, residence, facts, died_on from persons where person_id = $1
