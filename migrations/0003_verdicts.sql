-- What was learned about a release in an environment. The newest row counts; the older ones are its history.
create table verdict (
  id          integer primary key autoincrement,
  service     text    not null,
  environment text    not null,
  release     integer not null,
  verdict     text    not null check (verdict in ('good', 'bad')),
  reason      text,
  detail      text,
  rollout     integer not null references rollout (number),
  at          integer not null,
  foreign key (service, release) references release (service, number),
  check ((verdict = 'bad') = (reason is not null))
) strict;

create index verdict_newest on verdict (service, environment, release, id desc);

create trigger verdict_is_immutable before update on verdict
begin select raise(abort, 'history is append-only'); end;

create trigger verdict_is_kept before delete on verdict
begin select raise(abort, 'history is append-only'); end;
