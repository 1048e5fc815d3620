-- A restart wants a new container of the release that serves already.
alter table slot add column fresh integer not null default 0 check (fresh in (0, 1));

create index slot_by_environment on slot (service, environment, host);
