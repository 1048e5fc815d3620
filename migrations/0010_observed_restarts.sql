-- What the watch after a rollout judges: how often a container was restarted, and all changes of an environment by time.
alter table slot_observation add column restarts integer not null default 0 check (restarts >= 0);

drop index slot_observation_by_slot;
create index slot_observation_by_slot on slot_observation (host, service, environment, at desc, id desc);
create index slot_observation_by_environment on slot_observation (service, environment, at);
