/**
 * `node test/support/released/make-project.ts FOLDER`: makes the project that a version keeps in
 * `test/golden/VERSION/project`, with all that its programs write to disk: bundles, registry, history, online store,
 * spool, archive, report, and a training set. Run by hand before a version is cut; never again for that version.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quoteTarget } from '../../../project/engine/duckdb/file-sql.ts';

const PROGRAM = join(import.meta.dirname, '../../../plumb.ts');
const CUSTOMERS = 8;
/** Enough for a verdict. */
const ASKED = 40;

const DEFINITIONS = `
entity: customer
joinKeys: { customer_id: int64 }
---
featureView: spending
entity: customer
source: { parquet: data/orders.parquet, eventTime: ordered_at, createdTime: loaded_at }
where: "total > 0"
hop: 1h
freshness: 2h
owner: team-crm
features:
  orders_7d: { agg: count, window: 7d }
  average_30d: { agg: avg, column: total, window: 30d, tolerance: 0.01 }
  total_30d: { agg: sum, column: total, window: 30d }
  days_30d: { agg: approxCountDistinct, column: page, window: 30d }
  newest: { agg: lastN, column: page, n: 3, window: 30d }
---
featureView: profile
entity: customer
source: { parquet: data/profiles.parquet, eventTime: changed_at, createdTime: loaded_at }
freshness: 48h
features: { name: string, since: timestamp, tags: 'list<string>', embedding: 'list<float32>', isMember: bool, score: { type: float64, missing: -1 } }
---
featureService: kept_v1
features: [spending, profile]
owner: team-crm
consumers: [{ model: churn, owner: team-crm }]
`;

/** Events lie before the moment at which this runs. */
async function writeSources(folder: string): Promise<void> {
  const nowUs = Date.now() * 1_000;
  const duck = await DuckDb.open();
  try {
    await duck.run(`COPY (SELECT n % ${CUSTOMERS} AS customer_id, 5 + n * 37 % 90 + 0.25 AS total, 'page ' || n % 7 AS page,
        make_timestamp(${nowUs} - 7200000000 - n * 5400000000) AS ordered_at,
        make_timestamp(${nowUs} - 7140000000 - n * 5400000000) AS loaded_at
      FROM range(120) t(n)) TO ${quoteTarget(join(folder, 'data/orders.parquet'))} (FORMAT parquet)`);
    await duck.run(`COPY (SELECT n AS customer_id, 'customer ' || n || ', ü' AS name, make_timestamp(1700000000000000 + n) AS since,
        CASE WHEN n % 3 = 0 THEN NULL ELSE ['a', NULL, 'tag ' || n] END AS tags,
        [n / 3, -n, 0.1]::FLOAT[] AS embedding, n % 2 = 0 AS "isMember", CASE WHEN n % 4 = 0 THEN NULL ELSE n / 7 END AS score,
        make_timestamp(${nowUs} - 86400000000) AS changed_at, make_timestamp(${nowUs} - 86340000000) AS loaded_at
      FROM range(${CUSTOMERS - 1}) t(n)) TO ${quoteTarget(join(folder, 'data/profiles.parquet'))} (FORMAT parquet)`);
    await duck.run(`COPY (SELECT n % ${CUSTOMERS} AS customer_id,
        make_timestamp(${nowUs} - 3600000000 * (4 + n)) AS event_timestamp, n AS label
      FROM range(24) t(n)) TO ${quoteTarget(join(folder, 'labels.parquet'))} (FORMAT parquet)`);
  } finally {
    duck.close();
  }
}

function plumb(folder: string, ...args: string[]): string {
  const all = ['--disable-warning=ExperimentalWarning', PROGRAM, '-C', folder, ...args];
  return execFileSync(process.execPath, all, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Serves and asks; what was answered. */
async function ask(folder: string, requests: number): Promise<unknown[]> {
  const args = ['-C', folder, '--set', 'serve.drainMs=0', 'serve', '--port', '0', '--admin-port', '0'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const url = await new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        const found = /serves on (http:[^\s,"]+)/.exec((said += text));
        if (found !== null) resolve(found[1]!);
      });
  });
  const answers: unknown[] = [];
  for (let i = 0; i < requests; i++) {
    const entities = { customer_id: [i % CUSTOMERS, (i + 1) % (CUSTOMERS + 1)] };
    const answer = await fetch(`${url}/feature-service/get-online-features`, {
      method: 'POST',
      headers: { 'x-request-id': `kept-${i}` },
      body: JSON.stringify({ feature_service: 'kept_v1', entities }),
    });
    answers.push(await answer.json());
  }
  child.kill('SIGTERM');
  await once(child, 'exit');
  return answers;
}

async function make(folder: string): Promise<void> {
  const files = {
    'plumbline.yaml': 'project: kept\n',
    'definitions/kept.yaml': DEFINITIONS,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  mkdirSync(join(folder, 'data'));
  await writeSources(folder);
  plumb(folder, 'apply');
  plumb(folder, 'materialize');
  const labels = ['--labels', join(folder, 'labels.parquet'), '--out', join(folder, 'set.parquet')];
  plumb(folder, 'train', '--service', 'kept_v1', '--name', 'kept', ...labels);
  await ask(folder, ASKED);
  plumb(folder, 'monitor', 'ingest');
  plumb(folder, 'monitor', 'run', '--date', new Date().toISOString().slice(0, 10));
  plumb(folder, 'token', 'create', 'deployer', '--role', 'apply', '--team', 'team-crm');
  // Of these the spool alone knows.
  await ask(folder, 3);
}

const [target] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'kept-'));
await make(folder);
rmSync(join(folder, '.plumb/temp'), { recursive: true, force: true });
for (const name of ['plumbline.yaml', 'definitions', 'data', 'labels.parquet', 'set.parquet'])
  cpSync(join(folder, name), join(target!, name), { recursive: true });
// What is called .plumb is not kept by git.
cpSync(join(folder, '.plumb'), join(target!, 'plumb'), { recursive: true });
const needless = /\.html$|\.db-(wal|shm)$|lock(\.db)?$/;
for (const name of readdirSync(join(target!, 'plumb'), { recursive: true, encoding: 'utf8' }))
  if (needless.test(name)) rmSync(join(target!, 'plumb', name));
rmSync(folder, { recursive: true });
