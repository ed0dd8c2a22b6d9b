-- The table of the flights example by another program: sqlite3 :memory: ".import --csv FILE flights" < flights.sql
WITH ranked AS (
  SELECT origin, CAST(delay AS INTEGER) AS delay,
         row_number() OVER (PARTITION BY origin ORDER BY CAST(delay AS INTEGER)) AS place,
         count(*) OVER (PARTITION BY origin) AS n
  FROM flights
)
SELECT origin, n, avg(delay),
       max(CASE WHEN place = (50 * n + 99) / 100 THEN delay END),
       max(CASE WHEN place = (90 * n + 99) / 100 THEN delay END),
       max(CASE WHEN place = (99 * n + 99) / 100 THEN delay END)
FROM ranked
GROUP BY origin
ORDER BY n DESC, origin
LIMIT 20;
