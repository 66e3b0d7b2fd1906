/**
 * Judged days by the hundred thousand rows: PostgreSQL copies one recorded day to earlier ones, where recording each
 * takes a transaction of a dozen statements. For tests of size.
 */
import pg from 'pg';

/**
 * @param url   of a registry's database
 * @param date  a day that was recorded for every service
 * @param days  how many days before it become the same as it
 */
export async function copyDays(url: string, date: string, days: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const earlier = `to_char(recorded.date::date - back, 'YYYY-MM-DD')`;
    for (const table of ['judged_feature', 'judged_view'])
      await client.query(
        `INSERT INTO ${table} SELECT (jsonb_populate_record(recorded, jsonb_build_object('date', ${earlier}))).*
         FROM ${table} AS recorded, generate_series(1, $2::integer) AS back WHERE recorded.date = $1`,
        [date, days],
      );
    await client.query(
      `INSERT INTO judged_day (date, service, record)
       SELECT ${earlier}, service, replace(record, recorded.date, ${earlier})
       FROM judged_day AS recorded, generate_series(1, $2::integer) AS back WHERE recorded.date = $1`,
      [date, days],
    );
  } finally {
    await client.end();
  }
}
