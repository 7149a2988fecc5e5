-- The small shop that graphs/analyst.yaml answers about where SQL_DATABASE names no database.
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer INTEGER NOT NULL REFERENCES customers (id),
  day TEXT NOT NULL,
  total REAL NOT NULL
);
INSERT INTO customers VALUES (1, 'Ada', 'London'), (2, 'Grace', 'New York'), (3, 'Linus', 'Helsinki');
INSERT INTO orders VALUES
  (1, 1, '2026-01-12', 40.0), (2, 1, '2026-02-03', 12.5), (3, 2, '2026-02-20', 99.9), (4, 3, '2026-03-01', 7.0);
