-- contract: the release before 0003_publish_versions reads and writes it; bound_versions has taken its place.
drop table life_event_bindings;
