-- How many rollouts have ended, by how: counted as they end, so that nobody has to count a hundred thousand.
create table rollout_ended (
  phase text    primary key,
  n     integer not null check (n > 0)
) strict, without rowid;

insert into rollout_ended (phase, n) select phase, count(*) from rollout where ended_at is not null group by phase;

create trigger rollout_ends after update of ended_at on rollout
when old.ended_at is null and new.ended_at is not null
begin
  insert into rollout_ended (phase, n) values (new.phase, 1) on conflict (phase) do update set n = n + 1;
end;

create trigger rollout_begins_ended after insert on rollout
when new.ended_at is not null
begin
  insert into rollout_ended (phase, n) values (new.phase, 1) on conflict (phase) do update set n = n + 1;
end;
