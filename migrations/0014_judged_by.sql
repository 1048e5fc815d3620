-- Who judged a release; null is Gantry, from what it saw. And the good ones of an environment, the newest first.
alter table verdict add column judged_by text check (judged_by is null or json_valid(judged_by));

create index verdict_good on verdict (service, environment, id desc) where verdict = 'good';
