-- One rollout is one attempt to make one release live in one environment. `state` is the fold of its events.
create table rollout (
  number         integer primary key autoincrement,
  service        text    not null,
  environment    text    not null,
  kind           text    not null check (kind in ('deploy', 'promote', 'rollback', 'restart')),
  release        integer not null,
  phase          text    not null check (phase in ('awaiting_approval', 'queued', 'rolling', 'soaking', 'succeeded',
                   'restoring', 'restored', 'stuck', 'rejected', 'expired', 'cancelled')),
  version        integer not null check (version > 0),
  state          text    not null check (json_valid(state)),
  plan           text    not null check (json_valid(plan)),
  plan_hash      text    not null,
  request_key    text    not null unique,
  ref            text,
  why            text,
  allow_bad      text    check (allow_bad is null or json_valid(allow_bad)),
  requested_at   integer not null,
  ended_at       integer,
  -- Projections: where the card stands, what GitHub and Jira said. Rewritten freely; never read to decide.
  channel        text,
  card_ts        text,
  change         text    check (change is null or json_valid(change)),
  deployment     text,
  foreign key (service, release) references release (service, number),
  check ((ended_at is not null) = (phase in ('succeeded', 'restored', 'stuck', 'rejected', 'expired', 'cancelled')))
) strict;

create unique index rollout_one_active on rollout (service, environment) where ended_at is null;
create index rollout_by_environment on rollout (service, environment, number desc);

create trigger rollout_is_kept before delete on rollout
begin select raise(abort, 'a rollout is never deleted'); end;

create trigger rollout_version_moves_on before update of state on rollout
when new.version <> old.version + 1
begin select raise(abort, 'lost update: the rollout was changed by someone else'); end;

create table rollout_event (
  rollout integer not null references rollout (number),
  seq     integer not null check (seq > 0),
  at      integer not null,
  type    text    not null,
  body    text    not null check (json_valid(body)),
  primary key (rollout, seq)
) strict, without rowid;

create trigger rollout_event_is_immutable before update on rollout_event
begin select raise(abort, 'history is append-only'); end;

create trigger rollout_event_is_kept before delete on rollout_event
begin select raise(abort, 'history is append-only'); end;

create table rollout_timer (
  rollout integer not null references rollout (number),
  name    text    not null,
  wake_at integer not null,
  primary key (rollout, name)
) strict, without rowid;

create index rollout_timer_by_time on rollout_timer (wake_at);
