-- As in PostgreSQL, where checking the reference is dear. SQLite cannot drop a constraint.
CREATE TABLE lookup_days_2 (
    customer TEXT    NOT NULL PRIMARY KEY,
    day      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO lookup_days_2 SELECT customer, day FROM lookup_days;
DROP TABLE lookup_days;
ALTER TABLE lookup_days_2 RENAME TO lookup_days;
