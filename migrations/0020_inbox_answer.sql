-- What a person is told about what they asked for, written before they are told: who serves it again says the same.
alter table inbox add column answer text check (answer is null or json_valid(answer));
