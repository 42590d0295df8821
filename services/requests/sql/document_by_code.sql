-- The document that a verification code is of.
select document_id from verification_codes where code = $1
