/**
 * What on-demand views cost a request that is answered from the cache: ten features of arithmetic, from two inputs and
 * two features of one row, against the same service without them. No HTTP; without the log and with it.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/on-demand-request-bench.ts [--rounds 5]
 *   ... --only 'of all'             a part of the requests' names
 *   ... --first [--ready] [--plain]   the first requests of the process alone, warm as a start makes it
 *
 *   one row    native JSON; the computed request has a known shape, and is held against the plain one with the same
 *              body, inputs and all, parsed the long way
 *   fifty rows a binary tensor; its inputs as JSON, or as bytes
 *
 * Processor time of alternating rounds in one process. Not a test: figures depend on the machine.
 */
import { parseArgs } from 'node:util';
import { rowSchemaOf, definitionIdOf } from '../../contract/definitions/definition-json.ts';
import { PLAIN_FEATURE, PLAIN_VIEW } from '../../contract/definitions/plain-definition.ts';
import type { Bundle, Entity, Feature, FeatureService, FeatureView } from '../../contract/model.ts';
import { RecordEncoder } from '../../contract/wire/log/served-encoder.ts';
import { RowEncoder } from '../../contract/wire/online/row-codec.ts';
import { Outbox } from '../../sidecar/answer/outbox.ts';
import type { AnswerLog } from '../../sidecar/answer/outbox.ts';
import { RowCache } from '../../sidecar/cache/row-cache.ts';
import { HotKeys } from '../../sidecar/cache/hot-keys.ts';
import { RowLoader } from '../../sidecar/cache/row-loader.ts';
import { Metrics } from '../../sidecar/metrics/metrics.ts';
import { BundlePlans, ViewSlots } from '../../sidecar/plan/bundle-plans.ts';
import type { VectorCodec } from '../../sidecar/request/surface.ts';
import { Serving } from '../../sidecar/serve.ts';
import type { StoreAsk, StoreReader } from '../../sidecar/store/store-reader.ts';
import { nativeSurface } from '../../sidecar/surface/native/native.ts';
import { parseNative } from '../../sidecar/surface/native/native-request.ts';
import { oipSurface } from '../../sidecar/surface/oip/oip.ts';
import { Exchange } from '../../sidecar/transport/transport.ts';
import { NO_LOG } from '../../sidecar/plan/view-plan.ts';
import { warmUp } from '../../sidecar/process/warm-up.ts';
import { median } from '../harness/median.ts';
import { COMPUTED_INPUTS, onDemandName, withOnDemand } from '../harness/on-demand-service.ts';
import { print, printHardware, printTarget } from '../harness/report.ts';

const NOW_US = 1_795_262_400_000_000;
const HOUR_US = 3_600_000_000;
const ROWS = 50;
const MACHINE_TIMES = 4_000;
const TAKEN = onDemandName('plain');
const FLOAT = { kind: 'float64' } as const;

const feature = (name: string): Feature => ({ ...PLAIN_FEATURE, name, type: FLOAT });
const customer: Entity = {
  name: 'customer',
  joinKeys: [{ name: 'customer_id', type: 'int64' }],
  description: null,
  owner: null,
  tags: [],
  log: 'raw',
};

function storedView(): FeatureView {
  const view: Omit<FeatureView, 'definitionId'> = {
    ...PLAIN_VIEW,
    id: 'spend',
    name: 'spend',
    kind: 'stored',
    entity: 'customer',
    source: { name: 'spend', path: 'x', eventTime: 'at', createdTime: null, maxAheadUs: null },
    features: ['total', 'orders'].map(feature),
    hopUs: 0,
    freshnessUs: HOUR_US,
    freshnessAlertUs: 2 * HOUR_US,
    sourceFreshnessUs: 2 * HOUR_US,
  };
  return { ...view, definitionId: definitionIdOf(view, customer.joinKeys) };
}

function bundle(): Bundle {
  const view = storedView();
  const service: FeatureService = {
    name: 'plain',
    version: 1,
    features: ['total', 'orders'].map((name) => {
      return { fullName: `spend__${name}`, view: 'spend', role: 'spend', feature: name };
    }),
    views: [{ role: 'spend', view: 'spend', requestKeys: ['customer_id'] }],
    onDemand: [],
    requestKeys: [...customer.joinKeys],
    inputs: [],
    consumers: [],
    tensor: 'float64',
    description: null,
    owner: null,
    tags: [],
  };
  const content = {
    project: 'bench',
    entities: new Map([['customer', customer]]),
    views: new Map([['spend', view]]),
    onDemand: new Map(),
    services: new Map([['plain', service]]),
    schemas: new Map([['spend', [rowSchemaOf(view, customer)]]]),
  };
  return { ...withOnDemand(content, 'plain'), hash: '0123456789abcdef' };
}

/** Reads a body without a known shape, over and over. @returns microseconds of CPU a body */
function parseUs({ serving }: ReturnType<typeof serverOf>, body: Buffer, times: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) parseNative(body, serving.plans);
  return usSince(before) / times;
}

/** A fixed piece of work, by which figures of two machines can be told apart: microseconds of CPU. */
function machineUs(): number {
  const text = JSON.stringify(
    Array.from({ length: 200 }, (_, i) => ({ id: i, name: `name ${i}`, share: i / 7 })),
  );
  const before = process.cpuUsage();
  for (let i = 0; i < MACHINE_TIMES; i++) JSON.parse(text);
  return usSince(before) / MACHINE_TIMES;
}

function usSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Has the same row for everyone. */
function store(view: FeatureView): StoreReader {
  const row = new RowEncoder(view).encode(NOW_US - HOUR_US, 0, NOW_US / 1_000, [25.5, 3]).toString('latin1');
  return {
    kind: 'sqlite',
    read: (asks: readonly StoreAsk[]) => {
      for (const ask of asks) ask.onRows([row], [NOW_US]);
    },
    start: async () => {},
    state: () => ({ kind: 'read', reason: null, isConnected: true, saysDown: false }),
    watermarks: () => new Map(),
    close: async () => {},
    loadSchema: async () => null,
    nodeOf: () => '',
  };
}

/** Encodes records, and keeps none. */
class ForgottenLog implements AnswerLog {
  readonly #encoder = new RecordEncoder('pod', 7n);
  sequence = 0;
  onSettled = (): void => {};

  append(served: Parameters<AnswerLog['append']>[0]): boolean {
    this.sequence += 1;
    return this.#encoder.appendServed(served, this.sequence);
  }

  commit(): 'taken' {
    this.#encoder.clear();
    return 'taken';
  }

  async whenSynced(): Promise<boolean> {
    return true;
  }
}

const CLOCK = { nowUs: () => NOW_US, offsetUs: () => 0 };

class SilentExchange extends Exchange {
  override reply(): void {}
}

function serverOf(log: AnswerLog | null): { serving: Serving; outbox: Outbox } {
  const content = bundle();
  const metrics = new Metrics();
  const cache = new RowCache({ entries: 1_000, bytes: 1e9, freshUs: 5e6, staleUs: 60e6 });
  const fail = (error: unknown): never => {
    throw new Error('a row cannot be read', { cause: error });
  };
  const loader = new RowLoader(store(content.views.get('spend')!), cache, {
    onStoreFailure: fail,
    onUnreadableRow: fail,
  });
  const outbox = new Outbox(log, { durability: 'written', onFull: 'shed-log' }, metrics, () => {});
  const serving = new Serving({
    clock: CLOCK,
    cache,
    loader,
    outbox,
    metrics,
    hotKeys: new HotKeys(() => 'node'),
    plans: new BundlePlans(content, '', new ViewSlots()),
    refuse: (_, fault) => fail(fault),
  });
  return { serving, outbox };
}

interface Request {
  readonly surface: VectorCodec;
  readonly path: string;
  readonly body: Buffer;
  /** Of its JSON, where tensors stand behind it. */
  readonly jsonBytes: string;
}

function request(surface: VectorCodec, path: string, json: object, tensors: readonly Buffer[] = []): Request {
  const head = Buffer.from(JSON.stringify(json));
  const jsonBytes = tensors.length === 0 ? '' : String(head.length);
  return { surface, path, body: Buffer.concat([head, ...tensors]), jsonBytes };
}

const longWay: VectorCodec = { ...nativeSurface, parse: parseNative };
const everyone = Array.from({ length: ROWS }, (_, i) => i + 1);
const one = { customer_id: [17] };

/** @param inputs  the tensors behind that of the keys */
function infer(service: string, inputs: readonly object[]): Request {
  const keys = { name: 'customer_id', datatype: 'INT64', shape: [ROWS], data: everyone };
  const parameters = { binary_data_output: true };
  return request(oipSurface, `/v2/models/${service}/infer`, { inputs: [keys, ...inputs], parameters });
}

/** The same with all tensors as bytes, as Triton's client sends them unless it is told otherwise. */
function inferBytes(service: string, names: readonly string[]): Request {
  const tensors = [
    Buffer.from(BigInt64Array.from(everyone.map(BigInt)).buffer),
    ...names.map((_, i) => Buffer.from(Float64Array.from(everyone, (n) => n + i / 4).buffer)),
  ];
  const inputs = ['customer_id', ...names].map((name, i) => ({
    name,
    datatype: i === 0 ? 'INT64' : 'FP64',
    shape: [ROWS],
    parameters: { binary_data_size: tensors[i]!.length },
  }));
  const json = { inputs, parameters: { binary_data_output: true } };
  return request(oipSurface, `/v2/models/${service}/infer`, json, tensors);
}

const OF_ALL = COMPUTED_INPUTS.map((name) => ({ name, datatype: 'FP64', shape: [1], data: [12.5] }));
const OF_EACH = COMPUTED_INPUTS.map((name, i) => {
  return { name, datatype: 'FP64', shape: [ROWS], data: everyone.map((n) => n + i / 4) };
});

interface Shape {
  readonly name: string;
  readonly times: number;
  readonly plain: Request;
  readonly computed: Request;
  /** What the on-demand features may cost, without the log and with it. */
  readonly barsUs: readonly [number, number];
}

const SHAPES: readonly Shape[] = [
  {
    name: 'native, 1 row',
    times: 100_000,
    plain: request(longWay, '', { feature_service: 'plain', entities: one }),
    computed: request(nativeSurface, '', {
      feature_service: TAKEN,
      entities: one,
      context: { cart: 12.5, weight: 3.25 },
    }),
    barsUs: [2, 2],
  },
  {
    name: '50 rows, inputs of all rows',
    times: 5_000,
    plain: infer('plain', []),
    computed: infer(TAKEN, OF_ALL),
    barsUs: [10, 25],
  },
  {
    name: '50 rows, an input a row, JSON',
    times: 5_000,
    plain: infer('plain', []),
    computed: infer(TAKEN, OF_EACH),
    barsUs: [10, 25],
  },
  {
    name: '50 rows, an input a row, bytes',
    times: 5_000,
    plain: inferBytes('plain', []),
    computed: inferBytes(TAKEN, COMPUTED_INPUTS),
    barsUs: [10, 25],
  },
];

function cpuUs(serving: Serving, outbox: Outbox, of: Request, times: number): number {
  const exchange = new SilentExchange();
  exchange.path = of.path;
  exchange.head.inferenceHeaderLength = of.jsonBytes;
  exchange.requestId = '4f1d2c3b5a697887-1';
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) {
    serving.serve(exchange, of.surface, of.body, 60_000);
    if (i % 16 === 15) outbox.flush();
  }
  outbox.flush();
  return usSince(before) / times;
}

/** The first requests of a process, beside what they cost later. */
async function printFirst(): Promise<void> {
  const { serving, outbox } = serverOf(null);
  await warmUp(serving.plans.bundle, store(serving.plans.bundle.views.get('spend')!), CLOCK, NO_LOG);
  if (flags.ready) await serving.plans.ready();
  const { computed, plain } = SHAPES[0]!;
  const asked = flags.plain ? plain : computed;
  const [first, , later] = [100, 20_000, 100_000].map((times) =>
    cpuUs(serving, outbox, asked, times).toFixed(1),
  );
  print(`us of processor a request: the first 100 ${first}, later ${later}`);
}

function printShapes(rounds: number): void {
  for (const [isOn, log] of [null, new ForgottenLog()].entries()) {
    const server = serverOf(log);
    const { serving, outbox } = server;
    for (const { name, times, plain, computed, barsUs } of SHAPES) {
      if (!name.includes(flags.only)) continue;
      const found: (readonly [number, number])[] = [];
      for (let round = -1; round < rounds; round++) {
        const [own, with_] = [plain, computed].map((each) => cpuUs(serving, outbox, each, times));
        // Of one row the same body is parsed the long way: with the inputs, that is, of which nothing is computed.
        const [a, b] =
          plain.surface !== longWay
            ? [0, 0]
            : [plain, computed].map(({ body }) => parseUs(server, body, times));
        if (round >= 0) found.push([own! + b! - a!, with_!]);
      }
      const [without, with_] = [0, 1].map((i) => median(found.map((figures) => figures[i]!)));
      const more = median(found.map(([a, b]) => b - a));
      const what = `log ${isOn === 1 ? 'on' : 'off'}, ${name}`;
      print(`${what}: without ${without!.toFixed(2)}, with ${with_!.toFixed(2)}`);
      printTarget({ what, reached: more, wanted: barsUs[isOn]!, unit: 'us', atMost: true });
      print(`             ${(more / without!).toFixed(2)} of what the request costs without them`);
    }
  }
}

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    first: { type: 'boolean', default: false },
    plain: { type: 'boolean', default: false },
    ready: { type: 'boolean', default: false },
  },
});
printHardware();
machineUs();
print(`a fixed piece of JSON is parsed in ${machineUs().toFixed(1)} us, by which machines can be compared`);
if (flags.first) await printFirst();
else printShapes(Number(flags.rounds));
