-- A release is immutable and numbered per service: a build (one commit's digest) plus the spec as it stood then.
create table release (
  service    text    not null check (service <> ''),
  number     integer not null check (number > 0),
  commit_sha text    not null check (length(commit_sha) between 1 and 128),
  digest     text    not null check (digest glob 'sha256:*' and length(digest) = 71),
  spec       text    not null check (json_valid(spec)),
  spec_hash  text    not null,
  created_at integer not null,
  created_by text    not null,
  primary key (service, number),
  unique (service, digest, spec_hash)
) strict;

create trigger release_is_immutable before update on release
begin select raise(abort, 'a release is never changed'); end;

create trigger release_is_kept before delete on release
begin select raise(abort, 'a release is never deleted'); end;
