-- The order in which rollouts ended. It is not that of their numbers (one that waited in line has a lower number than the
-- rollback that overtook it), and the time of day may be set back.
alter table rollout add column ended_seq integer;

update rollout set ended_seq = ordered.n
from (select number, row_number() over (order by ended_at, number) as n from rollout where ended_at is not null) as ordered
where ordered.number = rollout.number;

create unique index rollout_ended_seq on rollout (ended_seq) where ended_seq is not null;
drop index rollout_by_phase;
create index rollout_by_phase on rollout (service, environment, phase, ended_seq desc);
drop index rollout_live;
create index rollout_live on rollout (service, environment, ended_seq desc)
  where phase in ('succeeded', 'incomplete') or (phase = 'stuck' and kind = 'rollback');

create trigger rollout_ends_in_order after update of ended_at on rollout
when old.ended_at is null and new.ended_at is not null
begin
  update rollout set ended_seq = (select coalesce(max(ended_seq), 0) + 1 from rollout where ended_seq is not null)
  where number = new.number;
end;

create trigger rollout_begins_ended_in_order after insert on rollout
when new.ended_at is not null
begin
  update rollout set ended_seq = (select coalesce(max(ended_seq), 0) + 1 from rollout where ended_seq is not null)
  where number = new.number;
end;
