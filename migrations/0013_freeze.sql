-- The server stands still, because somebody knows more than it does. No row: it does not.
create table freeze (
  id     integer primary key check (id = 1),
  reason text    not null check (reason in ('server_behind', 'history_forked')),
  at     integer not null,
  host   text,
  detail text    not null
) strict;
