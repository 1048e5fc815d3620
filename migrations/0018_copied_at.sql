-- Set in a backup, never in the base that a server writes: a copy that is put in place by hand is known as one.
alter table identity add column copied_at integer;
