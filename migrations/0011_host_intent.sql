-- What a person wants of a host: a fact of its own, that no agent's report touches.
alter table host add column intent text check (intent in ('cordoned', 'drained'));
alter table host add column intent_by text check ((intent_by is null) = (intent is null) and (intent is null or json_valid(intent_by)));
alter table host add column intent_at integer check ((intent_at is null) = (intent is null));
alter table host add column intent_why text check (intent_why is null or intent is not null);
