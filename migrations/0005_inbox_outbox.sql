-- What people did, recorded before it is acknowledged; and what is still to be done outside, recorded before it is tried.
create table inbox (
  id          integer primary key autoincrement,
  key         text    not null unique,
  meaning     text    unique,
  actor       text    not null check (json_valid(actor)),
  body        text    not null check (json_valid(body)),
  received_at integer not null,
  done_at     integer,
  outcome     text
) strict;

create index inbox_open on inbox (id) where done_at is null;

create trigger inbox_is_kept before delete on inbox
when old.done_at is null
begin select raise(abort, 'an open command is never deleted'); end;

create table outbox (
  id          integer primary key autoincrement,
  -- Items of one key are sent in order; an item that only says "draw it again" replaces a waiting one of its key.
  key         text    not null,
  kind        text    not null,
  rollout     integer references rollout (number),
  body        text    not null check (json_valid(body)),
  attempt     integer not null default 0,
  not_before  integer not null,
  created_at  integer not null,
  ended_at    integer,
  outcome     text    check (outcome in ('done', 'dead')),
  last_error  text,
  check ((ended_at is null) = (outcome is null))
) strict;

create index outbox_open on outbox (not_before) where ended_at is null;
create index outbox_by_key on outbox (key, id) where ended_at is null;
