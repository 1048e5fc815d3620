-- Who this server is to its agents. One row.
create table identity (
  id        integer primary key check (id = 1),
  server_id text    not null,
  epoch     integer not null check (epoch > 0)
) strict;
