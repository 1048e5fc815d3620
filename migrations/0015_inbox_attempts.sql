-- How often the work of a command was begun: one that keeps ending the process is given up.
alter table inbox add column attempt integer not null default 0 check (attempt >= 0);

create index inbox_dead on inbox (id) where outcome = 'given up';
create index inbox_ended on inbox (done_at) where done_at is not null;
create index outbox_dead on outbox (id) where outcome = 'dead';
create index outbox_ended on outbox (ended_at) where ended_at is not null;
