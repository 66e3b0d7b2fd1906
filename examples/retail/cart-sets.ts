/**
 * Trains the model of carts both ways: on what an honest store would have served (`--as available`) and on what was
 * served (`--from-log`), and holds both against the answers that the model server itself kept.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countText } from '../../contract/std/count-text.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import type { SqlRow } from '../../project/engine/duckdb/duckdb.ts';
import { quotePath } from '../../project/engine/duckdb/file-sql.ts';
import type { Project } from '../../project/project.ts';
import { runTrain } from '../../training/train.ts';
import type { TrainOptions } from '../../training/train-options.ts';
import { CART } from './model-servers.ts';
import type { ServedCart } from './model-servers.ts';

/** One training set beside what was served. */
interface CartSet {
  readonly labels: number;
  /** All values of its features. */
  readonly values: number;
  /** How many of them are not what was served, by feature. */
  readonly differing: Readonly<Record<string, number>>;
}

export interface CartSets {
  readonly asAvailable: CartSet;
  readonly fromLog: CartSet;
}

/**
 * @param carts  all that were served; the archive has them
 * @throws       Error when the set of the log is not what was served, with a value that shows it
 */
export async function trainCarts(project: Project, carts: readonly ServedCart[]): Promise<CartSets> {
  const { folder } = project.settings;
  const labels = join(folder, 'carts.csv');
  writeFileSync(labels, labelsOf(carts));
  const setOf = async (name: string, way: Pick<TrainOptions, 'as' | 'fromLog'>): Promise<SqlRow[]> => {
    const out = join(folder, `${name}.parquet`);
    await runTrain(project, { labels, service: CART, out, ...way });
    return await rowsOf(out);
  };
  const asAvailable = compare(await setOf('carts-as-available', { as: 'available' }), carts);
  const fromLog = compare(await setOf('carts-from-log', { fromLog: true }), carts);
  if (fromLog.first !== null)
    throw new Error(`the training set of the log is not what was served: ${fromLog.first}`);
  return { asAvailable: asAvailable.set, fromLog: fromLog.set };
}

/** @returns how much of a set is what was served, and which features are not */
export function renderCartSet({ labels, values, differing }: CartSet): string {
  const wrong = Object.values(differing).reduce((sum, count) => sum + count, 0);
  const carts = countText(labels, 'cart');
  if (wrong === 0) return `${carts}; all ${values} values are what was served`;
  const features = Object.keys(differing).map((name) => name.split('__').at(-1));
  return `${carts}; ${wrong} of ${values} values were served otherwise (${features.join(', ')})`;
}

/** A label for each cart: who, when, and what the request knew; how many products it had stands for what came of it. */
function labelsOf(carts: readonly ServedCart[]): string {
  const lines = carts.map(({ requestId, basket: { customerId, atUs, value, stockCodes } }) =>
    [requestId, customerId, formatTimestamp(atUs), value, stockCodes.length].join(','),
  );
  return `request_id,customer_id,event_timestamp,basket_value,products\n${lines.join('\n')}\n`;
}

async function rowsOf(file: string): Promise<SqlRow[]> {
  const duck = await DuckDb.open({ threads: 1 });
  try {
    return await duck.rows(`SELECT * FROM read_parquet(${quotePath(file)})`);
  } finally {
    duck.close();
  }
}

/** Value by value; a label is found again by its request. */
function compare(
  rows: readonly SqlRow[],
  carts: readonly ServedCart[],
): { set: CartSet; first: string | null } {
  const trained = new Map(rows.map((row) => [row['request_id'], row]));
  const differing: Record<string, number> = {};
  let values = 0;
  let first: string | null = null;
  for (const { requestId, features } of carts) {
    for (const [name, served] of Object.entries(features)) {
      values += 1;
      const has = asAnswered(trained.get(requestId)?.[name]);
      if (Object.is(has, served)) continue;
      differing[name] = (differing[name] ?? 0) + 1;
      first ??= `${name} of request ${requestId} was ${String(served)}, and the set has ${String(has)}`;
    }
  }
  return { set: { labels: rows.length, values, differing }, first };
}

/** A value of a set as JSON answers it: whole numbers, which are small here, and times are written in other ways. */
function asAnswered(value: SqlRow[string] | undefined): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'object' && value !== null && 'micros' in value) return formatTimestamp(value.micros);
  return value;
}
