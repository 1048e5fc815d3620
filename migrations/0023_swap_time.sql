-- How long successful swaps took, by environment: what a card promises of the way back is their median. Made from the events, and never read to decide.
create table swap_time (
  id          integer primary key,
  service     text    not null,
  environment text    not null,
  -- 1: a rollback swapped it.
  back        integer not null check (back in (0, 1)),
  took_ms     integer not null
) strict;

create index swap_time_newest on swap_time (service, environment, back, id desc, took_ms);

insert into swap_time (service, environment, back, took_ms)
  select service, environment, rollout.kind = 'rollback', cast(round(json_extract(body, '$.tookMs')) as integer)
  from rollout join rollout_event on rollout_event.rollout = number
  where type = 'host_swapped' and json_extract(body, '$.tookMs') is not null
  order by at, number, seq;

create trigger swap_is_timed after insert on rollout_event
when new.type = 'host_swapped' and json_extract(new.body, '$.tookMs') is not null
begin
  insert into swap_time (service, environment, back, took_ms)
    select service, environment, kind = 'rollback', cast(round(json_extract(new.body, '$.tookMs')) as integer)
    from rollout where number = new.rollout;
end;
