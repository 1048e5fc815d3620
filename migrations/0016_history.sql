-- The history as one chain: each release, event of a rollout, verdict and act is a link, hashed over the link before it.
-- `act`: what people and Gantry did besides rollouts. Its number is that of its link.
create table act (
  seq   integer primary key check (seq > 0),
  at    integer not null,
  kind  text    not null check (kind <> ''),
  by    text    check (by is null or json_valid(by)),
  facts text    not null check (json_valid(facts))
) strict;

create trigger act_is_immutable before update on act
begin select raise(abort, 'history is append-only'); end;

create trigger act_is_kept before delete on act
begin select raise(abort, 'history is append-only'); end;

create table chain (
  seq     integer primary key,
  kind    text    not null check (kind in ('release', 'event', 'verdict', 'act')),
  -- The key of the fact: (service, number) of a release, (rollout, seq) of an event, (id) of a verdict, (seq) of an act.
  service text    not null check ((kind = 'release') = (service <> '')),
  number  integer not null,
  part    integer not null check ((kind = 'event') = (part <> 0)),
  hash    blob    not null check (length(hash) = 32)
) strict;

create unique index chain_by_fact on chain (kind, number, part, service);
-- Where each release, rollout, verdict and act begins: the walk looks there for what belongs to a piece of the chain.
create index chain_firsts on chain (kind) where part < 2;

create trigger chain_has_no_gaps before insert on chain
when new.seq <> coalesce((select max(seq) from chain), 0) + 1
begin select raise(abort, 'a link follows the one before it'); end;

create trigger chain_is_immutable before update on chain
begin select raise(abort, 'history is append-only'); end;

create trigger chain_is_kept before delete on chain
begin select raise(abort, 'history is append-only'); end;

-- Made when what was there before this table has been chained, so that it is done once.
create table chain_begun (
  id      integer primary key check (id = 1),
  entries integer not null
) strict;
