/**
 * A registry's server (`plumb ui`) that is killed at random points while an apply comes over HTTP: registry and bundles
 * stay whole, the command that applies says that it does not know, and the next apply goes to the server's next start.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadBundle, loadCurrentBundle, readPointer } from '../../../contract/definitions/bundle-folder.ts';
import { bundleFromJson } from '../../../contract/definitions/definition-json.ts';
import type { Bundle } from '../../../contract/model.ts';
import type { CodedError } from '../../../contract/std/coded-error.ts';
import type { Json } from '../../../contract/std/canonical-json.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { tokenCreate } from '../../../registry/access/commands.ts';
import { apply } from '../../../registry/commands.ts';
import { RemoteRegistry } from '../../../registry/remote/remote-registry.ts';
import { commandContext } from '../../support/processes/command-context.ts';
import { PLUMB, QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { freePort } from '../../support/redis/redis.ts';
import { scratchFolder } from '../../support/scratch.ts';

const KILLS = 12;
/** Enough that an apply takes a while on its server. */
const VIEWS = 50;
const FEATURES = 30;

function definitions(round: number): string {
  const features = Array.from({ length: FEATURES }, (_, k) => `total_${k}: float64`).join(', ');
  const views = Array.from({ length: VIEWS }, (_, i) => {
    const source = `{ parquet: 'data/*.parquet', eventTime: at, createdTime: loaded }`;
    const text = `featureView: lines_${i}\nentity: customer\nsource: ${source}\nfeatures: { ${features} }\n`;
    return `${text}description: round ${round}\n`;
  });
  return [`entity: customer\njoinKeys: { customer_id: int64 }\n`, ...views].join('---\n');
}

const roundOf = ({ views }: Bundle): (string | null)[] => [
  ...new Set([...views.values()].map(({ description }) => description)),
];

async function started(folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', folder, 'ui'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const said of child.stdout!) if (String(said).includes('The catalogue: ')) break;
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Every apply is there whole, and the folder has the last one or the one before it. @returns the last one's round */
async function checkWhole(folder: string): Promise<string | null> {
  const bundles = join(folder, 'bundles');
  const url = join(folder, 'registry.db');
  const applied = await RegistryDatabase.using({ kind: 'sqlite', url }, async (database) => {
    const sequences = (await database.applies()).map(({ sequence }) => sequence).toSorted((a, b) => a - b);
    expect(sequences).toEqual(sequences.map((_, i) => i + 1));
    return (await database.lastApplied())!;
  });
  const last = bundleFromJson(JSON.parse(applied.bundle) as Json);
  expect(last.hash).toBe(applied.hash);
  expect(roundOf(last)).toHaveLength(1);
  const { sequence, name } = readPointer(bundles)!;
  expect([applied.sequence - 1, applied.sequence]).toContain(sequence);
  if (sequence === applied.sequence) expect(name).toBe(applied.hash);
  for (const file of readdirSync(bundles))
    if (/^[0-9a-f]{16}\.json$/.test(file)) loadBundle(bundles, file.slice(0, 16));
  return roundOf(last)[0]!;
}

test('a server that is killed while an apply comes leaves none half done', { timeout: 600_000 }, async () => {
  const port = await freePort();
  const folder = scratchFolder({
    'plumbline.yaml': `project: shop\nregistry: sqlite:registry.db\nbundles: bundles\nui: { port: ${port} }\naccess: { enabled: true }\n`,
  });
  const out = commandContext(folder, true);
  await tokenCreate(out, 'root', { role: 'admin' });
  vi.stubEnv('PLUMB_TOKEN', (JSON.parse(out.said()) as { token: string }).token);
  onTestFinished(() => void vi.unstubAllEnvs());
  const client = scratchFolder({
    'plumbline.yaml': `project: shop\nregistry: http://localhost:${port}\nbundles: own\ndefinitions: [shop.yaml]\n`,
  });
  const applied = (round: number): Promise<string> => {
    writeFileSync(join(client, 'shop.yaml'), definitions(round));
    const done = apply(commandContext(client, true), undefined, { reason: `round ${round}` });
    return done.then(
      () => 'done',
      ({ message, details }: CodedError) =>
        details?.help?.includes('nothing was changed') === true ? 'nothing was changed' : message,
    );
  };
  let server = await started(folder);
  // What is killed in the midst of is the request that applies; planning goes before.
  const { post } = RemoteRegistry.prototype;
  let isPosted = (): void => {};
  const posted = (): Promise<void> => new Promise((resolve) => (isPosted = resolve));
  vi.spyOn(RemoteRegistry.prototype, 'post').mockImplementation(function (
    this: RemoteRegistry,
    path: string,
    body: object,
  ) {
    if (path === 'apply') isPosted();
    return post.call(this, path, body);
  });
  onTestFinished(() => void vi.restoreAllMocks());
  // Each server that is killed is asked for the first time, as this one is.
  const usual = applied(0);
  await posted();
  const at = performance.now();
  expect(await usual).toBe('done');
  const usualMs = performance.now() - at;
  const seen: Record<string, number> = {};
  for (let round = 1; round <= KILLS; round++) {
    const applying = applied(round);
    await posted();
    await sleep(((round - Math.random()) / KILLS) * usualMs * 1.1);
    await killed(server);
    const came = await applying;
    const last = await checkWhole(folder);
    expect([`round ${round - 1}`, `round ${round}`]).toContain(last);
    if (came === 'done') expect(last).toBe(`round ${round}`);
    else if (came === 'nothing was changed') expect(last).toBe(`round ${round - 1}`);
    else expect(came).toMatch(/it cannot be reached/);
    const what = `${came.includes('cannot be reached') ? 'not known' : came}, ${last === `round ${round}` ? 'recorded' : 'not recorded'}`;
    seen[what] = (seen[what] ?? 0) + 1;
    server = await started(folder);
    expect(await applied(round)).toBe('done');
    expect(await checkWhole(folder)).toBe(`round ${round}`);
    expect(roundOf(loadCurrentBundle(join(folder, 'bundles')))).toEqual([`round ${round}`]);
  }
  process.stderr.write(`the request took ${usualMs.toFixed(0)} ms; after kills: ${JSON.stringify(seen)}\n`);
  await killed(server);
});
