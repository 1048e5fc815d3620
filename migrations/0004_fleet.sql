-- Hosts, and what is desired and observed on each slot: separate facts with one writer each.
create table host (
  name          text    primary key not null,
  labels        text    not null check (json_valid(labels)),
  public_key    text    not null,
  enrolled_at   integer not null,
  revoked_at    integer,
  agent_version text,
  engine        text    check (engine is null or json_valid(engine)),
  last_seen_at  integer
) strict;

-- One-time tokens, stored as hashes only.
create table enrolment (
  token_hash text    primary key not null,
  name       text    not null,
  labels     text    not null check (json_valid(labels)),
  made_at    integer not null,
  expires_at integer not null,
  used_at    integer
) strict;

create table slot (
  host        text    not null references host (name),
  service     text    not null,
  environment text    not null,
  -- Written by the conductor only.
  generation  integer not null check (generation >= 0),
  rollout     integer references rollout (number),
  release     integer,
  -- Written by the agents' reports only.
  observed    text    check (observed is null or json_valid(observed)),
  observed_at integer,
  primary key (host, service, environment),
  foreign key (service, release) references release (service, number)
) strict, without rowid;

create trigger slot_generation_rises before update of generation on slot
when new.generation <= old.generation
begin select raise(abort, 'a generation only rises'); end;

-- What ran on a host at a given time: a row for every change that an agent saw.
create table slot_observation (
  id          integer primary key autoincrement,
  host        text    not null,
  service     text    not null,
  environment text    not null,
  at          integer not null,
  release     integer,
  digest      text,
  health      text    not null,
  detail      text
) strict;

create index slot_observation_by_slot on slot_observation (host, service, environment, id desc);

create trigger slot_observation_is_immutable before update on slot_observation
begin select raise(abort, 'history is append-only'); end;

create trigger slot_observation_is_kept before delete on slot_observation
begin select raise(abort, 'history is append-only'); end;
