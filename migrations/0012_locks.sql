-- A person holds an environment: nothing new is rolled out there until it is taken away or its time has passed.
create table lock (
  service     text    not null,
  environment text    not null,
  by          text    not null check (json_valid(by)),
  at          integer not null,
  why         text    not null,
  until       integer,
  primary key (service, environment)
) strict, without rowid;

create index lock_by_time on lock (until) where until is not null;
