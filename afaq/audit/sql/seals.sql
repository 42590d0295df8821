-- The chain of seals.
select number, seqs, hash from seals order by number
