/**
 * How often each text occurs among the agreeing values of a feature, as far as it has to be named: a feature may have
 * millions, such as ids and addresses, that are never held outside DuckDB.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { MOST_CATEGORIES } from '../statistics/distribution.ts';
import type { AgreeingCategories } from '../statistics/distribution.ts';

const COUNTED = 'replay_counted_texts';
/** Those that have to be counted whatever others there are. */
const NAMED = 'replay_named_texts';
const BATCH_ROWS = 20_480;

/**
 * @param counts  SELECT of each text `x` once, with the number `c` of its vectors
 * @param named   the texts of pairs that are not in it
 */
export async function countTexts(
  duck: DuckDb,
  counts: string,
  named: ReadonlySet<string>,
): Promise<AgreeingCategories> {
  await duck.run(`CREATE OR REPLACE TEMP TABLE ${COUNTED} AS ${counts};
    CREATE OR REPLACE TEMP TABLE ${NAMED} (x VARCHAR)`);
  const texts = [...named];
  for (let from = 0; from < texts.length; from += BATCH_ROWS) {
    await duck.append(
      NAMED,
      texts.slice(from, from + BATCH_ROWS).map((text) => [text]),
    );
  }
  const found = await duck.rows(`SELECT * FROM ${COUNTED} SEMI JOIN ${NAMED} USING (x) UNION ALL
    FROM (SELECT * FROM ${COUNTED} ANTI JOIN ${NAMED} USING (x) ORDER BY c DESC, x LIMIT ${MOST_CATEGORIES})`);
  const counted = new Map(found.map((row) => [row['x'] as string, row['c'] as number]));
  const [all] = await duck.rows(
    `SELECT count(*)::DOUBLE AS texts, coalesce(sum(c), 0)::DOUBLE AS vectors FROM ${COUNTED}`,
  );
  await duck.run(`DROP TABLE ${COUNTED}; DROP TABLE ${NAMED}`);
  const vectors = [...counted.values()].reduce((sum, count) => sum + count, 0);
  return {
    counted,
    rest: { values: (all!['texts'] as number) - counted.size, rows: (all!['vectors'] as number) - vectors },
  };
}
