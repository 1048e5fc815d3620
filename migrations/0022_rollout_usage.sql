-- What the released container of a host used before its swap, and at the end: cards show both side by side.
create table rollout_usage (
  rollout      integer not null references rollout (number),
  host         text    not null,
  moment       text    not null check (moment in ('before', 'after')),
  cores        real,
  memory_bytes integer not null check (memory_bytes >= 0),
  primary key (rollout, host, moment)
) strict, without rowid;
