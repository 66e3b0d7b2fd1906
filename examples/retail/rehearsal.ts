/**
 * Plays a day of the shop: sets the clock that every program reads, lands the shop's data, starts the hourly runs,
 * requests features as the shop's customers buy, and makes go wrong what goes wrong in production.
 *
 * It stands in for the scheduler, the loader and the model server, and uses only what those would: files, the
 * materializer, HTTP. It tells no program what to find.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { materialize } from '../../materializer/main.ts';
import type { Project } from '../../project/project.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { RehearsalControl } from '../../project/rehearsal-clock.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { fillNullsWithZero } from './careless-writer.ts';
import type { Basket, PreparedShop } from './prepare.ts';

export const MINUTE_US = 60_000_000;
export const HOUR_US = 60 * MINUTE_US;
/** How long a run takes on the rehearsed clock; the demo's plumbline.yaml says the same. */
export const RUN_LASTS_US = 2 * MINUTE_US;

const VIEWS = ['user_purchase_features', 'product_sales_features'];
/** A run that has not begun by then has failed. */
const START_LIMIT_MS = 20_000;

/** What a day consists of, in order of time. */
export type Happening =
  | { readonly kind: 'run'; readonly atUs: number; readonly why: string | null }
  | { readonly kind: 'basket'; readonly atUs: number; readonly basket: Basket }
  | { readonly kind: 'careless writer'; readonly atUs: number };

interface DayTally {
  requests: number;
  vectors: number;
  runs: number;
}

interface Stage {
  readonly project: Project;
  readonly control: RehearsalControl;
  readonly shop: PreparedShop;
  /** The sidecar's address. */
  readonly url: string;
  readonly service: string;
  /** Called before each happening, for progress. */
  onHappening(happening: Happening): void;
}

interface PendingRun {
  readonly endsUs: number;
  readonly finished: Promise<unknown>;
}

/** Plays the happenings in order; a run goes on while the shop serves, and ends when its time on the clock is over. */
export async function playDay(
  stage: Stage,
  happenings: readonly Happening[],
  landedUs: number,
): Promise<DayTally> {
  const tally: DayTally = { requests: 0, vectors: 0, runs: 0 };
  let landed = landedUs;
  let pending: PendingRun | null = null;
  for (const happening of happenings) {
    if (pending !== null && happening.atUs >= pending.endsUs) {
      await finishRun(stage, pending);
      pending = null;
    }
    stage.control.set(happening.atUs);
    stage.onHappening(happening);
    if (happening.kind === 'basket') await ask(stage, happening.basket, tally);
    else if (happening.kind === 'run') {
      await stage.shop.land(landed, happening.atUs);
      landed = happening.atUs;
      pending = await startRun(stage, happening.atUs);
      tally.runs += 1;
    } else await fillNullsWithZero(stage.project, 'user_purchase_features', 'avg_order_value_30d');
  }
  if (pending !== null) await finishRun(stage, pending);
  return tally;
}

/** Starts a job for each view, as a scheduler would, and waits until both have begun at the clock's present time. */
export async function startRun(stage: Pick<Stage, 'project'>, atUs: number): Promise<PendingRun> {
  const jobs = VIEWS.map((view) => materialize({ ...stage.project }, { views: [view] }));
  const finished = Promise.all(jobs);
  // A job that fails before it has begun must be seen here, not as an unhandled rejection.
  await Promise.race([finished, allBegun(stage.project, atUs)]);
  return { endsUs: atUs + RUN_LASTS_US, finished };
}

async function allBegun(project: Project, atUs: number): Promise<void> {
  const begun = await RegistryDatabase.using(project.settings.registry, async (database) => {
    const untilMs = performance.now() + START_LIMIT_MS;
    while (performance.now() < untilMs) {
      if ((await database.runs({ sinceUs: atUs })).length >= VIEWS.length) return true;
      await sleep(5);
    }
    return false;
  });
  if (!begun)
    throw new Error(`the runs of ${formatTimestamp(atUs)} did not begin within ${START_LIMIT_MS / 1_000} s`);
}

export async function finishRun(stage: Pick<Stage, 'control'>, run: PendingRun): Promise<void> {
  stage.control.set(run.endsUs);
  await run.finished;
}

/** One request: a row for each product in the basket, the customer's key broadcast over them. */
async function ask(stage: Stage, basket: Basket, tally: DayTally): Promise<void> {
  const customer = basket.customerId === null ? 'null' : basket.customerId.toString();
  const body = `{"feature_service":"${stage.service}","entities":{"customer_id":[${customer}],"stock_code":${JSON.stringify(basket.stockCodes)}}}`;
  const response = await fetch(`${stage.url}/feature-service/get-online-features`, {
    method: 'POST',
    // The day passes in seconds: the first request of a new process may take longer than a production deadline.
    headers: { 'content-type': 'application/json', 'x-deadline-ms': '2000' },
    body,
  });
  const text = await response.text();
  if (response.status !== 200)
    throw new Error(`the sidecar answered ${response.status} to invoice ${basket.invoice}: ${text}`);
  tally.requests += 1;
  tally.vectors += basket.stockCodes.length;
}
