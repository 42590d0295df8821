-- A basket that has taken another amount than was asked for is given back whole: few of many, found for counting.
create index baskets_refund_due on baskets (id) where state ->> 'status' = 'refund_due';
