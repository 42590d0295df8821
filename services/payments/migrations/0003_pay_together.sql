-- Several fees paid with one visit to the gateway.
create table baskets (
    like aggregates including all
) with (fillfactor = 85);
