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
import { askBasket, askCart, askRestaurants } from './model-servers.ts';
import type { Lunch, Coordinates, ServedCart } from './model-servers.ts';
import { playEvening } from './evening.ts';
import type { Evening } from './evening.ts';
import type { Basket, PreparedShop } from './prepare.ts';

export const MINUTE_US = 60_000_000;
export const HOUR_US = 60 * MINUTE_US;
/** How long a run takes on the rehearsed clock; the demo's plumbline.yaml says the same. */
export const RUN_LASTS_US = 2 * MINUTE_US;

const HOURLY_VIEWS = ['user_purchase_features', 'product_sales_features'];
export const ALL_VIEWS = [...HOURLY_VIEWS, 'restaurant_features', 'reviews'];
/** A run that has not begun by then has failed. */
const START_LIMIT_MS = 20_000;

/** What a day consists of, in order of time. */
export type Happening =
  | { readonly kind: 'run'; readonly atUs: number; readonly why: string | null }
  | { readonly kind: 'basket'; readonly atUs: number; readonly basket: Basket }
  | { readonly kind: 'lunch'; readonly atUs: number; readonly place: Coordinates }
  | { readonly kind: 'careless writer'; readonly atUs: number }
  | { readonly kind: 'evening'; readonly atUs: number };

export interface DayTally {
  baskets: number;
  /** One for each product in a basket. */
  vectors: number;
  runs: number;
  readonly carts: ServedCart[];
  readonly lunches: Lunch[];
  evening: Evening | null;
}

interface Stage {
  readonly project: Project;
  readonly control: RehearsalControl;
  readonly shop: PreparedShop;
  /** The sidecar's address. */
  readonly url: string;
  /** Called before each happening, for progress. */
  onHappening(happening: Happening): void;
  /** Called when the stream has taken the clicks that waited for it. */
  onStreaming(clicks: number): void;
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
  const tally: DayTally = { baskets: 0, vectors: 0, runs: 0, carts: [], lunches: [], evening: null };
  let landed = landedUs;
  let pending: PendingRun | null = null;
  for (const happening of happenings) {
    if (pending !== null && happening.atUs >= pending.endsUs) {
      await finishRun(stage, pending);
      pending = null;
    }
    stage.control.set(happening.atUs);
    stage.onHappening(happening);
    switch (happening.kind) {
      case 'basket':
        await serveBasket(stage, happening.basket, tally);
        break;
      case 'lunch':
        tally.lunches.push(await askRestaurants(stage.url, stage.shop.restaurants, happening.place));
        break;
      case 'run':
        await stage.shop.land(landed, happening.atUs);
        landed = happening.atUs;
        pending = await startRun(stage, happening.atUs);
        tally.runs += 1;
        break;
      case 'careless writer':
        await fillNullsWithZero(stage.project, 'user_purchase_features', 'avg_order_value_30d');
        break;
      case 'evening':
        tally.evening = await playEvening(stage, happening.atUs, (clicks) => stage.onStreaming(clicks));
    }
  }
  if (pending !== null) await finishRun(stage, pending);
  await tally.evening?.end();
  return tally;
}

/** Starts a job for each view, as a scheduler would, and waits until all have begun at the clock's present time. */
export async function startRun(
  stage: Pick<Stage, 'project'>,
  atUs: number,
  views: readonly string[] = HOURLY_VIEWS,
): Promise<PendingRun> {
  const jobs = views.map((view) => materialize({ ...stage.project }, { views: [view] }));
  const finished = Promise.all(jobs);
  // A job that fails before it has begun must be seen here, not as an unhandled rejection.
  await Promise.race([finished, allBegun(stage.project, atUs, views.length)]);
  return { endsUs: atUs + RUN_LASTS_US, finished };
}

async function allBegun(project: Project, atUs: number, count: number): Promise<void> {
  const begun = await RegistryDatabase.using(project.settings.registry, async (database) => {
    const untilMs = performance.now() + START_LIMIT_MS;
    while (performance.now() < untilMs) {
      if ((await database.runs({ sinceUs: atUs })).length >= count) return true;
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

/** What is asked for a basket: its products for the model of baskets, and of a known customer the cart as a whole. */
async function serveBasket({ url }: Stage, basket: Basket, tally: DayTally): Promise<void> {
  await askBasket(url, basket);
  tally.baskets += 1;
  tally.vectors += basket.stockCodes.length;
  if (basket.customerId !== null) tally.carts.push(await askCart(url, basket));
}
