-- Whether anything on a slot has ever been well: where nothing has, nobody misses it.
alter table slot add column has_served integer not null default 0 check (has_served in (0, 1));

update slot set has_served = 1 where exists (
  select 1 from slot_observation as o
  where o.host = slot.host and o.service = slot.service and o.environment = slot.environment and o.health = 'ok'
);
