-- A person as identity publishes them.
select person_id, name, birth_date, residence, facts, died_on, is_named, has_civil_id,
       birth_is_registered
from persons where person_id = $1
