/**
 * What on-demand views cost a request that is answered from the cache: ten features of arithmetic, from two inputs and
 * two features of one row, against the same service without them. No HTTP; with the log and without.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/on-demand-request-bench.ts [--rounds 5]
 *
 *   one row    native JSON; the plain request is parsed the long way, the computed one has a known shape
 *   fifty rows a binary tensor
 *
 * Processor time of alternating rounds in one process. Not a test: figures depend on the machine.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { onDemandIdOf, rowSchemaOf, definitionIdOf } from '../../contract/definitions/definition-json.ts';
import { PLAIN_FEATURE, PLAIN_VIEW } from '../../contract/definitions/plain-definition.ts';
import type {
  Bundle,
  Entity,
  Feature,
  FeatureService,
  FeatureView,
  OnDemandView,
} from '../../contract/model.ts';
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
import { median } from '../harness/median.ts';

const NOW_US = 1_795_262_400_000_000;
const HOUR_US = 3_600_000_000;
const ROWS = 50;
const OUTPUTS = 10;
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

function computedView(): OnDemandView {
  const outputs = Array.from(
    { length: OUTPUTS },
    (_, i) => `f${i}: cart * ${i + 1} / total + orders - weight`,
  );
  const script = `({ cart, weight, total, orders }) => ({ ${outputs.join(', ')} })`;
  const input = (name: string) => ({
    name,
    type: FLOAT,
    optional: false,
    requestTime: false,
    log: 'raw' as const,
  });
  const view: Omit<OnDemandView, 'definitionId'> = {
    id: 'trip',
    name: 'trip',
    version: 1,
    inputs: ['cart', 'weight'].map(input),
    uses: [
      {
        role: 'spend',
        view: 'spend',
        requestKeys: ['customer_id'],
        features: ['total', 'orders'].map((name) => ({ feature: name, argument: name })),
      },
    ],
    features: Array.from({ length: OUTPUTS }, (_, i) => feature(`f${i}`)),
    code: { hash: '0'.repeat(64), script, sourceMap: null, file: 'trip.ts', line: 1 },
    endless: null,
    isolated: false,
    int64: 'number',
    samples: [],
    owner: null,
    team: null,
    description: null,
    tags: [],
    deprecated: null,
  };
  return { ...view, definitionId: onDemandIdOf(view) };
}

function bundle(): Bundle {
  const view = storedView();
  const onDemand = computedView();
  const stored = ['total', 'orders'].map((name) => {
    return { fullName: `spend__${name}`, view: 'spend', role: 'spend', feature: name };
  });
  const computed = onDemand.features.map(({ name }) => {
    return { fullName: `trip__${name}`, view: 'trip', role: 'trip', feature: name };
  });
  const plain: FeatureService = {
    name: 'plain',
    version: 1,
    features: stored,
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
  const withComputed: FeatureService = {
    ...plain,
    name: 'taken',
    features: [...stored, ...computed],
    onDemand: [{ role: 'trip', view: 'trip', uses: ['spend'] }],
    inputs: onDemand.inputs,
  };
  return {
    project: 'bench',
    hash: '0123456789abcdef',
    entities: new Map([['customer', customer]]),
    views: new Map([['spend', view]]),
    onDemand: new Map([['trip', onDemand]]),
    services: new Map([plain, withComputed].map((one) => [one.name, one])),
    schemas: new Map([['spend', [rowSchemaOf(view, customer)]]]),
  };
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

class SilentExchange extends Exchange {
  override reply(): void {}
}

function serverOf(log: AnswerLog | null): { serving: Serving; outbox: Outbox } {
  const content = bundle();
  const clock = { nowUs: () => NOW_US, offsetUs: () => 0 };
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
    clock,
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
}

function request(surface: VectorCodec, path: string, json: object): Request {
  return { surface, path, body: Buffer.from(JSON.stringify(json)) };
}

const longWay: VectorCodec = { ...nativeSurface, parse: parseNative };
const everyone = Array.from({ length: ROWS }, (_, i) => i + 1);
const keys = { name: 'customer_id', datatype: 'INT64', shape: [ROWS], data: everyone };
const inputs = ['cart', 'weight'].map((name, i) => {
  return { name, datatype: 'FP64', shape: [ROWS], data: everyone.map((n) => n + i / 4) };
});
const binary = { binary_data_output: true };
const one = { customer_id: [17] };
const SHAPES: readonly { name: string; times: number; plain: Request; computed: Request; bar: string }[] = [
  {
    name: 'native, 1 row',
    times: 100_000,
    plain: request(longWay, '', { feature_service: 'plain', entities: one }),
    computed: request(nativeSurface, '', {
      feature_service: 'taken',
      entities: one,
      context: { cart: 12.5, weight: 3.25 },
    }),
    bar: '2 us with and without the log',
  },
  {
    name: 'binary tensor, 50 rows',
    times: 5_000,
    plain: request(oipSurface, '/v2/models/plain/infer', { inputs: [keys], parameters: binary }),
    computed: request(oipSurface, '/v2/models/taken/infer', {
      inputs: [keys, ...inputs],
      parameters: binary,
    }),
    bar: '25 us with the log, 10 without',
  },
];

function cpuUs(serving: Serving, outbox: Outbox, { surface, path, body }: Request, times: number): number {
  const exchange = new SilentExchange();
  exchange.path = path;
  exchange.requestId = '4f1d2c3b5a697887-1';
  const before = process.cpuUsage();
  for (let i = 0; i < times; i++) {
    serving.serve(exchange, surface, body, 60_000);
    if (i % 16 === 15) outbox.flush();
  }
  outbox.flush();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
console.log(
  `${cpus()[0]!.model}, Node ${process.version}; us of processor a request, medians of ${values.rounds}`,
);
for (const log of [null, new ForgottenLog()]) {
  const { serving, outbox } = serverOf(log);
  for (const { name, times, plain, computed, bar } of SHAPES) {
    const rounds: [number, number][] = [];
    for (let round = -1; round < Number(values.rounds); round++) {
      const figures = [plain, computed].map((each) => cpuUs(serving, outbox, each, times)) as [
        number,
        number,
      ];
      if (round >= 0) rounds.push(figures);
    }
    const [without, with_] = [0, 1].map((i) => median(rounds.map((figures) => figures[i]!))) as [
      number,
      number,
    ];
    const difference = median(rounds.map(([a, b]) => b - a));
    console.log(
      `${log === null ? 'log off' : 'log on '}  ${name}: plain ${without.toFixed(2)}, with ten on-demand features ` +
        `${with_.toFixed(2)}, ${difference.toFixed(2)} more (bar: ${bar})`,
    );
  }
}
