/**
 * Plumbline from end to end on real data and the embedded defaults: computes features from real invoices, serves them
 * on localhost, logs every vector, replays the log against the history, reports why some values differ, and trains a
 * model on what was served.
 *
 * `npm run demo` in a checkout, `npx plumb demo` from the package.
 */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
import { runIngest } from '../../monitor/ingest/main.ts';
import { judgeDay } from '../../monitor/main.ts';
import type { Snapshot } from '../../monitor/verdict/snapshot.ts';
import { renderVerdict } from '../../monitor/report/terminal/verdict-table.ts';
import { renderCartSet, trainCarts } from './cart-sets.ts';
import type { CartSets } from './cart-sets.ts';
import type { ServedCart } from './model-servers.ts';
import { prepareShop } from './prepare.ts';
import type { Basket } from './prepare.ts';
import { ALL_VIEWS, finishRun, HOUR_US, MINUTE_US, playDay, RUN_LASTS_US, startRun } from './rehearsal.ts';
import type { DayTally, Happening } from './rehearsal.ts';
import type { Evening } from './evening.ts';
import { freePorts, startSidecar } from './plumb-process.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';

/** The example's files: beside this program in the checkout, in the package's examples/ when it runs from dist/. */
const EXAMPLE = import.meta.url.endsWith('.ts')
  ? import.meta.dirname
  : resolve(import.meta.dirname, '../../../examples/retail');
const RAW = join(EXAMPLE, 'data', 'online_retail.parquet');
const SERVICE = 'basket_v1';
const STREAMED = 'next_page_v1';
const RATIO = 'basket_now__basket_to_average';
/** Where a customer stands who asks where to eat: Covent Garden. */
const LUNCH_PLACE = { lat: 51.5117, lon: -0.124 };
const MARK = '# Made by the retail demo; it is made anew each time.\n';

/** What the demo stands on, as lines of plumbline.yaml; the embedded defaults unless given. */
interface DemoPlace {
  readonly settings: readonly string[];
  /** How long an answer may wait for the store. */
  readonly deadlineMs: number;
}

const EMBEDDED: DemoPlace = { settings: [], deadlineMs: 8 };

export interface DemoResult {
  readonly folder: string;
  readonly date: string;
  readonly snapshot: Snapshot;
  readonly reportFile: string;
  readonly snapshotFile: string;
  /** The verdict on what was served of the stream. */
  readonly streamed: Snapshot;
  readonly training: CartSets;
}

/**
 * @param dir     the folder for the demo's project; what an earlier demo left there is removed
 * @param dayUs   midnight of the day to which the data's last day is moved
 * @throws        REG_FOLDER when it holds something else, REG_STORE when it cannot be written
 */
export async function runDemo(
  dir: string,
  dayUs: number,
  logger: Logger,
  place: DemoPlace = EMBEDDED,
): Promise<DemoResult> {
  const folder = resolve(dir);
  const tell = teller(logger);
  const day = dayOf(dayUs);
  const control = await layOut(folder, dayUs, place);
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
    tell('plumb apply: definitions to bundle');
    await apply(project);
    tell('plumb materialize: 13 months of history, newest rows online');
    await finishRun({ control }, await startRun({ project }, firstRunUs, ALL_VIEWS));
    const sidecar = await startSidecar(folder);
    tell(`plumb serve: ${sidecar.url}`);
    let carts: readonly ServedCart[];
    try {
      const happenings = theDay(dayUs, await shop.baskets());
      const onHappening = narrator(tell, logger, happenings);
      const onStreaming = (clicks: number): void =>
        tell(
          `20:30  plumb stream: ${clicks} clicks of 45 minutes are read; the clock now goes as a real one`,
        );
      const stage = { project, control, shop, url: sidecar.url, onHappening, onStreaming };
      const tally = await playDay(stage, happenings, firstRunUs);
      ({ carts } = tally);
      tellServed(tell, tally);
    } finally {
      await sidecar.stop();
    }
    tell('plumb monitor ingest: vector log to archive');
    await runIngest(project);
    tell(`plumb monitor run --date ${day} --service ${SERVICE} --service ${STREAMED}`);
    const [judged, streamed] = await judgeDay(project, { date: day, services: [SERVICE, STREAMED] });
    const training = await trainCarts(project, carts);
    tell(`plumb train --as available: ${renderCartSet(training.asAvailable)}`);
    tell(`plumb train --from-log: ${renderCartSet(training.fromLog)}`);
    tell('done\n');
    return { folder, date: day, ...judged!, streamed: streamed!.snapshot, training };
  } finally {
    shop.close();
    control.close();
  }
}

/** The demo's last output: the verdict as a table, and the path of the report. */
export function renderDemo({ snapshot, streamed, reportFile }: DemoResult, color: boolean): string {
  const verdicts = [streamed, snapshot].map((one) => renderVerdict(one, { color }));
  return `${verdicts.join('\n\n')}\n\nReport: ${reportFile}`;
}

/** Two branches whose uploads come hours late on this day. */
const LATE_BRANCHES = [
  { country: 'Norway', byUs: 4 * HOUR_US },
  { country: 'Germany', byUs: 3 * HOUR_US },
];

/**
 * What happens on the day: a run at three past each hour, the shop's customers, one who is hungry, and three things
 * that go wrong.
 */
function theDay(dayUs: number, baskets: readonly Basket[]): Happening[] {
  const happenings: Happening[] = baskets.map((basket) => ({ kind: 'basket', atUs: basket.atUs, basket }));
  for (const hour of [8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]) {
    const why = hour === 12 ? 'the run of 10:03, two hours late' : null;
    happenings.push({ kind: 'run', atUs: dayUs + hour * HOUR_US + 3 * MINUTE_US, why });
  }
  happenings.push({ kind: 'careless writer', atUs: dayUs + 9 * HOUR_US + 20 * MINUTE_US });
  happenings.push({ kind: 'evening', atUs: dayUs + 20 * HOUR_US + 30 * MINUTE_US });
  happenings.push({ kind: 'lunch', atUs: dayUs + 12 * HOUR_US + 30 * MINUTE_US, place: LUNCH_PLACE });
  return happenings.toSorted((a, b) => a.atUs - b.atUs);
}

/** Makes the project's folder: settings with the rehearsed clock, the example's definitions. */
async function layOut(folder: string, dayUs: number, place: DemoPlace): Promise<RehearsalControl> {
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
    `serve: { port: ${port}, adminPort: ${adminPort}, drainMs: 0, cacheFreshMs: 500, deadlineMs: ${place.deadlineMs} }`,
    ...place.settings,
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

/** Prints a line with the time that has passed since it was made. */
type Tell = (text: string) => void;

function teller(logger: Logger): Tell {
  const startedMs = performance.now();
  return (text) => {
    const seconds = (performance.now() - startedMs) / 1_000;
    logger.info(`${seconds.toFixed(1).padStart(5)} s  ${text}`);
  };
}

/** Prints what happens on the rehearsed day, with a progress bar in between. */
function narrator(
  tell: Tell,
  logger: Logger,
  happenings: readonly Happening[],
): (happening: Happening) => void {
  let done = 0;
  return (happening) => {
    done += 1;
    const time = formatTimestamp(happening.atUs).slice(11, 16);
    if (happening.kind === 'run' && happening.why !== null) tell(`${time}  ${happening.why}, starts`);
    if (happening.kind === 'careless writer') tell(`${time}  a script fills nulls online with zeros`);
    logger.progress(`        ${time}`, done, happenings.length);
  };
}

/** Prints what was served on the day, and some of what was computed when it was asked for. */
function tellServed(tell: Tell, { baskets, vectors, runs, carts, lunches, evening }: DayTally): void {
  tell(
    `served ${baskets} baskets of ${vectors} products, and ${carts.length} carts, between ${runs} hourly runs`,
  );
  const { basket, features } = carts.findLast((cart) => cart.features[RATIO] !== null)!;
  const ratio = (features[RATIO] as number).toFixed(2);
  const days = features['basket_now__days_since_last_purchase'];
  tell(
    `on demand: ${basket.value} GBP are ${ratio} of customer ${basket.customerId}'s mean order, ${days} days after the last`,
  );
  for (const { restaurants, tensors } of lunches) {
    const nearest = restaurants.slice(0, 3).map(({ id, km }) => `${id} ${km.toFixed(2)} km`);
    tell(`on demand: the nearest of ${restaurants.length} restaurants are ${nearest.join(', ')} away`);
    tell(`as tensors: ${tensors.join(', ')}`);
  }
  if (evening !== null) tellEvening(tell, evening);
}

function tellEvening(tell: Tell, { came, visitors, asked, behind, last }: Evening): void {
  const { median, max } = behind;
  tell(
    `streamed: ${came} clicks more of ${visitors} visitors; asked ${asked} times, values were ${median.toFixed(1)} s old ` +
      `(${max.toFixed(1)} at most)`,
  );
  const of = (name: string): unknown => last.features[`user_session_features__${name}`];
  const minutes = (Number(of('time_on_site')) / MINUTE_US).toFixed(1);
  tell(
    `streamed: customer ${last.customerId} is on page ${String(of('pages_viewed'))} of a visit of ${minutes} min, has ` +
      `${(of('basket_value') as number).toFixed(2)} GBP in the basket and searched last for ${String(of('last_search'))}`,
  );
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
