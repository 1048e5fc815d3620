-- Requests that made no rollout of their own but acted on one (a rollback that stops a deploy under way), so that a request
-- that is served again after a crash finds what it has done.
create table acted (
  request_key text    primary key,
  rollout     integer not null references rollout (number)
) strict, without rowid;
