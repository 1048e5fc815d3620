-- A rollout may wait in line (it does not hold its environment yet), and may end incomplete. The table is made anew, because
-- SQLite cannot change a check; foreign keys are off while migrations run and are checked before each is committed.
create table rollout_new (
  number         integer primary key autoincrement,
  service        text    not null,
  environment    text    not null,
  kind           text    not null check (kind in ('deploy', 'promote', 'rollback', 'restart', 'adopt')),
  release        integer not null,
  phase          text    not null check (phase in ('in_line', 'awaiting_approval', 'queued', 'rolling', 'soaking', 'succeeded',
                   'incomplete', 'restoring', 'restored', 'stuck', 'rejected', 'expired', 'cancelled')),
  version        integer not null check (version > 0),
  requested_at   integer not null,
  ended_at       integer,
  -- Until when its containers are watched; null before its end and when the watch has ended.
  watch_until    integer check (watch_until is null or ended_at is not null),
  request_key    text    not null unique,
  plan_hash      text    not null,
  ref            text,
  why            text,
  allow_bad      text    check (allow_bad is null or json_valid(allow_bad)),
  -- Projections: where the card stands, what GitHub and Jira said. Rewritten freely; never read to decide.
  channel        text,
  card_ts        text,
  deployment     text,
  change         text    check (change is null or json_valid(change)),
  state          text    not null check (json_valid(state)),
  plan           text    not null check (json_valid(plan)),
  foreign key (service, release) references release (service, number),
  check ((ended_at is not null) =
    (phase in ('succeeded', 'incomplete', 'restored', 'stuck', 'rejected', 'expired', 'cancelled')))
) strict;

insert into rollout_new (number, service, environment, kind, release, phase, version, requested_at, ended_at, request_key,
  plan_hash, ref, why, allow_bad, channel, card_ts, deployment, change, state, plan)
select number, service, environment, kind, release, phase, version, requested_at, ended_at, request_key,
  plan_hash, ref, why, allow_bad, channel, card_ts, deployment, change, state, plan from rollout;

drop table rollout;
alter table rollout_new rename to rollout;

create unique index rollout_one_active on rollout (service, environment) where ended_at is null and phase <> 'in_line';
create index rollout_open on rollout (phase) where ended_at is null;
create index rollout_in_line on rollout (service, environment, number) where phase = 'in_line';
create index rollout_watched on rollout (number) where watch_until is not null;
create index rollout_by_environment on rollout (service, environment, number desc);
create index rollout_by_service on rollout (service, number desc);
create index rollout_anywhere on rollout (environment, number desc);
create index rollout_by_phase on rollout (service, environment, phase, number desc);
create index rollout_live on rollout (service, environment, number desc)
  where phase in ('succeeded', 'incomplete') or (phase = 'stuck' and kind = 'rollback');

create trigger rollout_is_kept before delete on rollout
begin select raise(abort, 'a rollout is never deleted'); end;

create trigger rollout_version_moves_on before update of state on rollout
when new.version <> old.version + 1
begin select raise(abort, 'lost update: the rollout was changed by someone else'); end;
