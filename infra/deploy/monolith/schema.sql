-- The bank's old database. Whoever designed it had never heard of events.
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
