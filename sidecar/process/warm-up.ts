/**
 * Serves made-up requests before the port opens, so that the first caller does not wait while code is compiled: the
 * example requests of each service, on each surface, over made-up rows. It has an assembly of its own, so nothing of it
 * is counted, cached or logged; only the transport stays cold, and the functions of on-demand views, of which it has
 * others: `BundlePlans.ready` calls them.
 *
 * What it gains: docs/benchmarks/sidecar.md, "The first request". Called by main.ts.
 */
import type { Bundle, FeatureView, OnDemandView } from '../../contract/model.ts';
import type { Clock } from '../../project/clock.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { RecordEncoder } from '../../contract/wire/log/served-encoder.ts';
import type { AnswerLog } from '../answer/outbox.ts';
import { assemble } from '../assembly.ts';
import type { AssemblyOptions } from '../assembly.ts';
import { madeUpValue } from '../on-demand/made-up-value.ts';
import { BundlePlans, ViewSlots } from '../plan/bundle-plans.ts';
import type { Plan } from '../plan/plan.ts';
import type { LogPrivacy } from '../plan/view-plan.ts';
import type { StoreState } from '../store/store-health.ts';
import type { StoreAsk, StoreReader } from '../store/store-reader.ts';
import { ALL_SURFACES } from '../surface/surfaces.ts';
import { Exchange } from '../transport/transport.ts';

/** The first services are enough: all services share their code. */
const SERVICES = 4;
const TIMES = 12;
const TOUCH_LIMIT_MS = 500;
/** All rows come from the made-up store, and stay fresh. */
const SETTINGS: AssemblyOptions['serve'] = {
  cacheEntries: 16,
  cacheBytes: 2 ** 24,
  cacheFreshMs: 3_600_000,
  staleLimitMs: 3_600_000,
  cacheLayers: { fresh: true, readAhead: true, absent: true, stale: true, singleFlight: true, hotKeys: true },
  allowedHosts: [],
  deadlineMs: 60_000,
};
/** A key that no entity has: those have the name of an entity and an id. */
const NOBODY = 'fstore:';

/**
 * @param reader   the real one: it reads one entity that does not exist, so that its file or connection is open
 * @param privacy  the sidecar's own, so that the code that masks values is compiled too
 * @returns        how many made-up requests were answered
 * @throws         what a broken bundle throws; the caller starts all the same
 */
export async function warmUp(
  bundle: Bundle,
  reader: StoreReader,
  clock: Clock,
  privacy: LogPrivacy,
): Promise<number> {
  await touch(reader, clock.nowUs());
  const some = firstServices(bundle);
  const plans = new BundlePlans(some, '', new ViewSlots(), privacy);
  const { server, admission } = assemble({
    plans,
    reader: new MadeUpStore(some, clock.nowUs()),
    log: privacy.enabled ? new ForgottenLog() : null,
    logPolicy: { durability: 'written', onFull: 'shed-log' },
    serve: SETTINGS,
    clock,
    logger: silentLogger,
  });
  let answered = 0;
  const requests = [...plans.services()].flatMap(requestsOf);
  for (let i = 0; i < TIMES; i++) {
    for (const { path, body } of requests) {
      const route = server.routes.findIndex((each) => path === each.path || isBelow(path, each.path));
      const exchange = new MadeUpExchange(
        route,
        path,
        body.length,
        (status) => (answered += status === 200 ? 1 : 0),
      );
      if (server.onHead(exchange)) server.onBody(exchange, body);
      // While code is compiled a request is slow, and the next one waits for its turn.
      while (admission.waiting > 0) await nextTick();
    }
    // Answers leave at the end of a tick.
    await nextTick();
  }
  return answered;
}

/** The bundle with no more than these need: the plans of 300 services take longer than the requests. */
function firstServices(bundle: Bundle): Bundle {
  const services = new Map([...bundle.services].slice(0, SERVICES));
  const used = new Set(
    [...services.values()].flatMap((one) => [...one.views, ...one.onDemand]).map(({ view }) => view),
  );
  return {
    ...bundle,
    services,
    views: new Map([...bundle.views].filter(([id]) => used.has(id))),
    onDemand: new Map(
      [...bundle.onDemand].filter(([id]) => used.has(id)).map(([id, view]) => [id, endingView(view)]),
    ),
  };
}

/** In place of a function that may never end stands one that does: no process of its own is started for it. */
function endingView(view: OnDemandView): OnDemandView {
  if (!view.isolated && view.costly === null) return view;
  const nulls = Object.fromEntries(view.features.map(({ name }) => [name, null]));
  const code = { ...view.code, script: `() => (${JSON.stringify(nulls)})`, sourceMap: null };
  return { ...view, code, isolated: false };
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves whether the read succeeds or not: requests will meet a store that is down by themselves. */
function touch(reader: StoreReader, nowUs: number): Promise<void> {
  return new Promise((resolve) => {
    const limit = setTimeout(resolve, TOUCH_LIMIT_MS);
    const told = (): void => {
      clearTimeout(limit);
      resolve();
    };
    const views = [{ id: '', field: Buffer.alloc(4), fieldNumber: 0 }];
    reader.read([{ key: NOBODY, views, knownRow: () => null, onRows: told, onFailure: told }], nowUs);
  });
}

function isBelow(path: string, route: string): boolean {
  return route.endsWith('/*') && path.startsWith(route.slice(0, -1));
}

function requestsOf(plan: Plan): { readonly path: string; readonly body: Buffer }[] {
  return ALL_SURFACES.flatMap((surface) =>
    surface.examples(plan).map(({ path, body }) => ({ path, body: Buffer.from(JSON.stringify(body)) })),
  );
}

class MadeUpExchange extends Exchange {
  readonly #hear: (status: number) => void;

  constructor(route: number, path: string, length: number, hear: (status: number) => void) {
    super();
    this.#hear = hear;
    this.route = route;
    this.path = path;
    this.method = 'POST';
    this.head.take('host', 'localhost');
    this.head.take('content-length', String(length));
  }

  override reply(status: number): void {
    this.#hear(status);
  }
}

/** Has a row of every view for every entity. */
class MadeUpStore implements StoreReader {
  readonly kind = 'sqlite';
  readonly #rows: ReadonlyMap<string, string>;
  readonly #nowUs: number;

  constructor(bundle: Bundle, nowUs: number) {
    this.#nowUs = nowUs;
    this.#rows = new Map([...bundle.views].map(([id, view]) => [id, rowText(view, nowUs)]));
  }

  read(asks: readonly StoreAsk[]): void {
    for (const ask of asks) {
      const rows = ask.views.map(({ id }) => this.#rows.get(id)!);
      ask.onRows(
        rows,
        ask.views.map(() => this.#nowUs),
      );
    }
  }

  async start(): Promise<void> {}
  state(): StoreState {
    return { kind: 'read', reason: null, isConnected: true, saysDown: false };
  }
  async close(): Promise<void> {}
  watermarks(): ReadonlyMap<string, number> {
    return new Map();
  }
  async loadSchema(): Promise<null> {
    return null;
  }
  nodeOf(): string {
    return '';
  }
}

/** Encodes records and keeps none. */
class ForgottenLog implements AnswerLog {
  readonly #encoder = new RecordEncoder('', 0n);
  sequence = 0;
  onSettled = (): void => {};

  append(request: Parameters<AnswerLog['append']>[0]): boolean {
    this.sequence += 1;
    this.#encoder.appendServed(request, this.sequence);
    return true;
  }

  commit(): 'taken' {
    this.#encoder.clear();
    return 'taken';
  }

  async whenSynced(): Promise<boolean> {
    return true;
  }
}

function rowText(view: FeatureView, nowUs: number): string {
  const values = view.features.map(({ type }) => madeUpValue(type));
  const row = new RowEncoder(view).encode(nowUs, nowUs, Math.floor(nowUs / 1_000), values);
  return row.toString('latin1');
}
