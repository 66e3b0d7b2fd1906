/**
 * The second act: clicks of the evening wait in a folder, `plumb stream` takes them, and from then on the clock goes as
 * fast as a real one while customers click and the model of the next page asks what they do. The stream goes on until
 * the day is over: visits end though nobody clicks.
 *
 * On a machine that is too busy the clock waits for the stream: what is told of how fresh values were is of the clock.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Project } from '../../project/project.ts';
import type { RehearsalControl } from '../../project/rehearsal-clock.ts';
import { openOnlineWriter } from '../../materializer/online/open-online-writer.ts';
import type { Click } from './clicks.ts';
import { eveningClicks, writeClicks } from './clicks.ts';
import { askVisit } from './model-servers.ts';
import type { PreparedShop } from './prepare.ts';
import { startProgram } from './plumb-process.ts';

const SECOND_US = 1_000_000;
const MINUTE_US = 60 * SECOND_US;
const TICK_US = 100_000;
/** How long before the act begins the clicks that wait begin, and in files of how long they came. */
const BEFORE_US = 45 * MINUTE_US;
const FILE_US = 5 * MINUTE_US;
const LASTS_US = 14 * SECOND_US;
/** How far behind the clock the stream may be before the clock waits for it. */
const BEHIND_MAX_US = 3_500_000;
/** The view's hop and how far it waits for what is out of order: up to where it is complete behind its newest click. */
const COMPLETE_US = 2 * SECOND_US;
const VIEW = 'user_session_features';
const LIMIT_MS = 60_000;

interface Stage {
  readonly project: Project;
  readonly control: RehearsalControl;
  readonly shop: PreparedShop;
  readonly url: string;
}

export interface Evening {
  /** Clicks that waited when the stream was started, and those that came while it ran. */
  readonly waited: number;
  readonly came: number;
  readonly visitors: number;
  readonly asked: number;
  /** How far behind the clock served values were complete, in seconds: the middle one and the largest. */
  readonly behind: { readonly median: number; readonly max: number };
  /** What was served last of a visitor with a search. */
  readonly last: { readonly customerId: number; readonly features: Readonly<Record<string, unknown>> };
  /** Ends the stream, after it has written what is due by the clock. */
  end(): Promise<void>;
}

/** Plays the act from `atUs` on. */
export async function playEvening(
  { project, control, shop, url }: Stage,
  atUs: number,
  tellReady: (clicks: number) => void,
): Promise<Evening> {
  const { folder } = project.settings;
  const clicks = eveningClicks(await shop.catalogue(), atUs - BEFORE_US, atUs + LASTS_US);
  const waiting = clicks.filter(({ at }) => at < atUs);
  for (let us = atUs - BEFORE_US; us < atUs; us += FILE_US)
    writeClicks(
      folder,
      waiting.filter(({ at }) => at >= us && at < us + FILE_US),
      us + FILE_US,
    );
  const writer = await openOnlineWriter(project.settings.online);
  const stream = startProgram(folder, 'stream');
  // A cluster has a marker for each 128 slots: to ask for all of them again and again would be the most of its work.
  const pollMs = project.settings.online.kind === 'sqlite' ? 5 : 50;
  const reached = async (upTo: number): Promise<number> => {
    for (const untilMs = performance.now() + LIMIT_MS; ;) {
      const marks = [...(await writer.readMarkers(VIEW)).watermarksUs.values()];
      const watermarkUs = marks.length === 0 ? 0 : Math.min(...marks.map((mark) => mark ?? 0));
      if (watermarkUs >= upTo) return watermarkUs;
      if (performance.now() > untilMs || stream.hasEnded())
        throw new Error(`plumb stream has not come up to where it should within ${LIMIT_MS / 1_000} s`);
      await sleep(pollMs);
    }
  };
  try {
    await reached(waiting.at(-1)!.at - COMPLETE_US);
    tellReady(waiting.length);
    const live = clicks.slice(waiting.length);
    let newestUs = waiting.at(-1)!.at;
    const played = await playLive(live, atUs, async (nowUs, since, visitor) => {
      control.set(nowUs);
      writeClicks(folder, since, nowUs);
      newestUs = since.at(-1)?.at ?? newestUs;
      const watermarkUs = await reached(Math.min(nowUs - BEHIND_MAX_US, newestUs - COMPLETE_US));
      const features = visitor === null ? null : await askVisit(url, visitor);
      return { behindUs: nowUs - watermarkUs, features };
    });
    return {
      waited: waiting.length,
      came: live.length,
      visitors: new Set(clicks.map((click) => click.customer_id)).size,
      ...played,
      async end() {
        // Nobody clicks any more: the stream follows the clock.
        await reached(project.clock.nowUs() - MINUTE_US);
        await writer.close();
        await stream.stop();
      },
    };
  } catch (error) {
    await writer.close();
    await stream.stop();
    throw error;
  }
}

type Tick = (
  nowUs: number,
  since: readonly Click[],
  visitor: number | null,
) => Promise<{ readonly behindUs: number; readonly features: Readonly<Record<string, unknown>> | null }>;

/** Lets the clock go on in ticks, no faster than a real one, and asks in each of them for who has clicked last. */
async function playLive(
  clicks: readonly Click[],
  atUs: number,
  tick: Tick,
): Promise<Pick<Evening, 'asked' | 'behind' | 'last'>> {
  const startedMs = performance.now();
  const behind: number[] = [];
  let last: Evening['last'] | null = null;
  let [at, visitor]: [number, number | null] = [0, null];
  for (let us = TICK_US; us <= LASTS_US; us += TICK_US) {
    await sleep(Math.max(0, startedMs + us / 1_000 - performance.now()));
    const from = at;
    while (at < clicks.length && clicks[at]!.at < atUs + us) at += 1;
    const since = clicks.slice(from, at);
    visitor = since.at(-1)?.customer_id ?? visitor;
    const { behindUs, features } = await tick(atUs + us, since, visitor);
    if (features === null) continue;
    behind.push(behindUs / SECOND_US);
    if (features['user_session_features__last_search'] !== null || last === null)
      last = { customerId: visitor!, features };
  }
  behind.sort((a, b) => a - b);
  const median = behind[Math.floor(behind.length / 2)]!;
  return { asked: behind.length, behind: { median, max: behind.at(-1)! }, last: last! };
}
