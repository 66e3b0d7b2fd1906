/**
 * The templates of `plumb init`: a folder of examples/ each, the commands that lead to a first vector, and the data
 * that is made with the project, so that windows of days hold something on the day on which somebody tries it.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../project/engine/duckdb/file-sql.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import type { TemplateName } from './template-name.ts';

/** examples/ is beside registry/ in the checkout and above dist/registry/ in the package, with equal content. */
const EXAMPLES = resolve(
  import.meta.dirname,
  import.meta.url.endsWith('.ts') ? '../../examples' : '../../../examples',
);

interface Template {
  readonly folder: string;
  /** Commands of plumb that lead from the new project to a vector. */
  readonly steps: readonly string[];
  /** What is made beside the copied files; absent: nothing. */
  readonly makeData?: (root: string, nowMs: number) => Promise<void>;
}

export const TEMPLATES: Readonly<Record<TemplateName, Template>> = {
  quickstart: {
    folder: join(EXAMPLES, 'quickstart'),
    steps: ['apply', 'materialize', 'get --service rank_v1 --entity driver_id=1001'],
  },
  typescript: {
    folder: join(EXAMPLES, 'typescript'),
    steps: ['apply', 'materialize', 'get --service churn_v1 --entity customer_id=1001'],
    makeData: makeOrders,
  },
  stream: {
    folder: join(EXAMPLES, 'stream'),
    steps: ['apply', 'stream --drain', 'get --service next_page_v1 --entity user_id=1001'],
    makeData: makeClicks,
  },
  'on-demand': {
    folder: join(EXAMPLES, 'on-demand'),
    steps: [
      'apply',
      'materialize',
      'get --service cart_v1 --entity customer_id=1001 --context cart_value=30',
    ],
    makeData: makeOrders,
  },
};

/** Of the two weeks before now, one every 77 minutes. */
const ORDERS = 260;

async function makeOrders(root: string, nowMs: number): Promise<void> {
  makeFolder(join(root, 'data'));
  const duck = await DuckDb.open({ memoryLimit: '128MB' });
  try {
    const at = (minutes: number): string =>
      `make_timestamp(${nowMs * 1_000} - (n * 77 + ${minutes}) * 60000000)`;
    const rows = `SELECT (1001 + n % 5)::BIGINT AS customer_id, 'o' || n AS order_id,
      (5 + n * 37 % 90 + 0.25)::DOUBLE AS total, ['books', 'tea', 'shoes'][1 + n % 3] AS category,
      ${at(20)} AS ordered_at, ${at(19)} AS loaded_at FROM range(${ORDERS}) t(n)`;
    await duck.run(`COPY (${rows}) TO ${quoteTarget(join(root, 'data/orders.parquet'))} (FORMAT parquet)`);
  } finally {
    duck.close();
  }
}

const CLICKS = 300;
const CLICK_EVERY_MS = 12_000;
const PAGES = ['/', '/tea', '/shoes', '/cart'] as const;

/** Of the hour before now, up to a minute ago. */
async function makeClicks(root: string, nowMs: number): Promise<void> {
  const folder = join(root, 'incoming');
  makeFolder(folder);
  const lines = Array.from({ length: CLICKS }, (_, n) => {
    const at = new Date(nowMs - 60_000 - (CLICKS - 1 - n) * CLICK_EVERY_MS).toISOString();
    const click = { user_id: 1_001 + (n % 5), page: PAGES[(n * 7) % 4], price: ((n * 37) % 90) + 0.5, at };
    return JSON.stringify({ ...click, id: `c${n}` });
  });
  writeFileSync(join(folder, '.clicks'), `${lines.join('\n')}\n`);
  renameSync(join(folder, '.clicks'), join(folder, 'clicks.jsonl'));
}
