-- The public keys that access tokens are verified with.
select key_id, jwk from access_keys
