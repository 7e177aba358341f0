-- The bank's database: it stores the current state and no events.
create table customers (
    id integer primary key,
    name text not null,
    city text not null
);

create table cards (
    card text primary key,
    customer integer not null references customers on delete cascade,
    limit_cents integer not null,
    blocked boolean not null default false
);
