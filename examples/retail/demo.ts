/**
 * Plumbline from end to end on real data and the embedded defaults: computes features from real invoices, serves them
 * on localhost, logs every vector, replays the log against the history, and reports why some values differ.
 *
 * `npm run demo` in a checkout, `npx plumb demo` from the package.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { applyPlan, planProject } from '../../registry/apply.ts';
import { registryError } from '../../contract/errors.ts';
import { openProject } from '../../project/project.ts';
import type { Project } from '../../project/project.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import { RehearsalControl } from '../../project/rehearsal-clock.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { DAY_US, dayOf, formatTimestamp } from '../../contract/std/timestamp.ts';
import { terminalLogger } from '../../contract/std/logger.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { judgeDay } from '../../monitor/main.ts';
import type { Snapshot } from '../../monitor/verdict/snapshot.ts';
import { renderVerdict } from '../../monitor/report/terminal/verdict-table.ts';
import { prepareShop } from './prepare.ts';
import type { Basket } from './prepare.ts';
import { finishRun, HOUR_US, MINUTE_US, playDay, RUN_LASTS_US, startRun } from './rehearsal.ts';
import type { Happening } from './rehearsal.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

/** The example's files: beside this program in the checkout, in the package's examples/ when it runs from dist/. */
const EXAMPLE = import.meta.url.endsWith('.ts')
  ? import.meta.dirname
  : resolve(import.meta.dirname, '../../../examples/retail');
const RAW = join(EXAMPLE, 'data', 'online_retail.parquet');
const SERVICE = 'basket_v1';
const CART = { service: 'cart_v1', basketValue: 30 };
const MARK = '# Made by the retail demo; it is made anew each time.\n';

interface DemoResult {
  readonly folder: string;
  readonly date: string;
  readonly snapshot: Snapshot;
  readonly reportFile: string;
  readonly snapshotFile: string;
}

/**
 * @param dir     the folder for the demo's project; what an earlier demo left there is removed
 * @param dayUs   midnight of the day to which the data's last day is moved
 * @throws        REG_FOLDER when it holds something else, REG_STORE when it cannot be written
 */
export async function runDemo(dir: string, dayUs: number, logger: Logger): Promise<DemoResult> {
  const folder = resolve(dir);
  const startedMs = performance.now();
  const day = dayOf(dayUs);
  const control = await layOut(folder, dayUs);
  logger.info(
    `Plumbline rehearses ${day} in an online gift shop: 13 months of its real invoices, moved so that the`,
  );
  logger.info(
    `last day is today (UTC). The project is ${relative('.', folder)}; look into it afterwards with plumb -C.\n`,
  );
  const quiet: Logger = { ...logger, info() {} };
  const project = openProject(folder, quiet, {});
  const shop = await prepareShop(RAW, folder, dayUs, LATE_BRANCHES);
  try {
    const firstRunUs = dayUs + 7 * HOUR_US + 3 * MINUTE_US;
    await shop.land(0, firstRunUs);
    control.set(firstRunUs);
    step(logger, startedMs, 'plumb apply: definitions to bundle');
    await apply(project);
    step(logger, startedMs, 'plumb materialize: 13 months of history, newest rows online');
    await finishRun({ control }, await startRun({ project }, firstRunUs));
    const sidecar = await startSidecar(folder);
    step(logger, startedMs, `plumb serve: ${sidecar.url}`);
    try {
      const baskets = await shop.baskets();
      const happenings = theDay(dayUs, baskets);
      const tally = await playDay(
        {
          project,
          control,
          shop,
          url: sidecar.url,
          service: SERVICE,
          onHappening: narrator(logger, startedMs, happenings),
        },
        happenings,
        firstRunUs,
      );
      step(
        logger,
        startedMs,
        `served ${tally.requests} requests, ${tally.vectors} vectors, between ${tally.runs} hourly runs`,
      );
      step(logger, startedMs, await onDemand(sidecar.url, baskets));
    } finally {
      await sidecar.stop();
    }
    step(logger, startedMs, `plumb monitor run --date ${day}`);
    const [judged] = await judgeDay(project, { date: day, services: [SERVICE] });
    step(logger, startedMs, 'done\n');
    return { folder, date: day, ...judged! };
  } finally {
    shop.close();
    control.close();
  }
}

/** The demo's last output: the verdict as a table, and the path of the report. */
export function renderDemo({ snapshot, reportFile }: DemoResult, color: boolean): string {
  return `${renderVerdict(snapshot, { color })}\n\nReport: ${reportFile}`;
}

/** Two branches whose uploads come hours late on this day. */
const LATE_BRANCHES = [
  { country: 'Norway', byUs: 4 * HOUR_US },
  { country: 'Germany', byUs: 3 * HOUR_US },
];

/** What happens on the day: a run at three past each hour, the shop's customers, and three things that go wrong. */
function theDay(dayUs: number, baskets: readonly Basket[]): Happening[] {
  const happenings: Happening[] = baskets.map((basket) => ({ kind: 'basket', atUs: basket.atUs, basket }));
  for (const hour of [8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]) {
    const why = hour === 12 ? 'the run of 10:03, two hours late' : null;
    happenings.push({ kind: 'run', atUs: dayUs + hour * HOUR_US + 3 * MINUTE_US, why });
  }
  happenings.push({ kind: 'careless writer', atUs: dayUs + 9 * HOUR_US + 20 * MINUTE_US });
  return happenings.toSorted((a, b) => a.atUs - b.atUs);
}

/** Makes the project's folder: settings with the rehearsed clock, the example's definitions. */
async function layOut(folder: string, dayUs: number): Promise<RehearsalControl> {
  const settings = join(folder, 'plumbline.yaml');
  if (existsSync(folder) && !(existsSync(settings) && readFileSync(settings, 'utf8').startsWith(MARK))) {
    throw registryError('REG_FOLDER', `${folder} exists and is no earlier demo`, {
      help: 'Name another folder with --dir.',
    });
  }
  try {
    rmSync(folder, { recursive: true, force: true });
    makeFolder(folder);
  } catch (error) {
    throw registryError('REG_STORE', `cannot make ${folder}: ${(error as Error).message}`, {}, error);
  }
  const [port, adminPort] = await freePorts();
  const lines = [
    readFileSync(join(EXAMPLE, 'plumbline.yaml'), 'utf8'),
    `clock: { control: clock.txt, runLasts: ${formatDuration(RUN_LASTS_US)} }`,
    `serve: { port: ${port}, adminPort: ${adminPort}, drainMs: 0 }`,
  ];
  writeFileSync(settings, `${MARK}${lines.join('\n')}\n`);
  cpSync(join(EXAMPLE, 'definitions'), join(folder, 'definitions'), { recursive: true });
  return new RehearsalControl(join(folder, 'clock.txt'), dayUs);
}

async function apply(project: Project): Promise<void> {
  await RegistryDatabase.using(project.settings.registry, async (database) =>
    applyPlan(project, database, await planProject(project, database)),
  );
}

/** @returns what the sidecar computes when it is asked for the basket of the day's last known customer */
async function onDemand(url: string, baskets: readonly Basket[]): Promise<string> {
  const customer = baskets.findLast(({ customerId }) => customerId !== null)!.customerId!.toString();
  const { service, basketValue } = CART;
  const response = await fetch(`${url}/feature-service/get-online-features`, {
    method: 'POST',
    headers: { 'x-deadline-ms': '2000' },
    body: `{"feature_service":"${service}","entities":{"customer_id":[${customer}]},"context":{"basket_value":${basketValue}}}`,
  });
  const { results } = (await response.json()) as { results: { features: Record<string, number | null> }[] };
  const { features } = results[0]!;
  const ratio = features['basket_now__basket_to_average']?.toFixed(2) ?? 'no';
  const days = features['basket_now__days_since_last_purchase'] ?? 'no';
  return `on demand: ${basketValue} GBP are ${ratio} of customer ${customer}'s mean order, ${days} days after the last`;
}

/** Starts `plumb serve` as a process of its own, as it runs in production. */
async function startSidecar(folder: string): Promise<{ url: string; stop(): Promise<void> }> {
  const plumb = resolve(
    import.meta.dirname,
    import.meta.url.endsWith('.ts') ? '../../plumb.ts' : '../../plumb.js',
  );
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', plumb, '-C', folder, 'serve'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const url = await readyUrl(child);
  return {
    url,
    async stop() {
      const ended = new Promise((resolve_) => child.once('exit', resolve_));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve_, reject) => {
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const url = /serves on (http:\/\/\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve_(url);
    });
    child.once('exit', (code) =>
      reject(new Error(`plumb serve ended with ${code} before it was ready:\n${said}`)),
    );
  });
}

/** Two ports that are free now, so that the demo runs beside a sidecar on the usual ones. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve_) => {
          server.listen(0, '127.0.0.1', () => resolve_((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve_) => server.close(resolve_))));
  return ports as [number, number];
}

function step(logger: Logger, startedMs: number, text: string): void {
  logger.info(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(5)} s  ${text}`);
}

/** Prints what happens on the rehearsed day, with a progress bar in between. */
function narrator(
  logger: Logger,
  startedMs: number,
  happenings: readonly Happening[],
): (happening: Happening) => void {
  let done = 0;
  return (happening) => {
    done += 1;
    const time = formatTimestamp(happening.atUs).slice(11, 16);
    if (happening.kind === 'run' && happening.why !== null)
      step(logger, startedMs, `${time}  ${happening.why}, starts`);
    if (happening.kind === 'careless writer')
      step(logger, startedMs, `${time}  a script fills nulls online with zeros`);
    logger.progress(`        ${time}`, done, happenings.length);
  };
}

/** Midnight UTC of the machine's present day. */
export function today(): number {
  return Math.floor((Date.now() * 1_000) / DAY_US) * DAY_US;
}

if (import.meta.main === true || process.argv[1] === import.meta.filename) {
  const at = process.argv.indexOf('--dir');
  const dir = at === -1 ? '.plumb/demo' : process.argv[at + 1]!;
  const result = await runDemo(dir, today(), terminalLogger(process.stderr));
  process.stdout.write(`${renderDemo(result, process.stdout.isTTY)}\n`);
}
