/**
 * A stored view of every type that Feast has too, and rows whose values are hard to carry: extremes, signs, text that
 * needs escaping, nulls. The rows are the expectation; `samplesSql` makes the Parquet that the project reads.
 */
import { duckTypeOf, quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { parseType } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';

const SAMPLE_TYPES = {
  flag: 'bool',
  small: 'int32',
  big: 'int64',
  single: 'float32',
  double: 'float64',
  text: 'string',
  raw: 'bytes',
  at: 'timestamp',
  ints: 'list<int64>',
  doubles: 'list<float64>',
  texts: 'list<string>',
  vector: 'embedding(3)',
} as const;

export type SampleFeature = keyof typeof SAMPLE_TYPES;
export const SAMPLE_FEATURES = Object.keys(SAMPLE_TYPES) as SampleFeature[];

type Sample = { readonly id: string } & { readonly [feature in SampleFeature]: Value };

const NULLS = Object.fromEntries(SAMPLE_FEATURES.map((name) => [name, null])) as Omit<Sample, 'id'>;

/** Ids with what a key's text must escape; values at the ends of their types. Times are whole seconds, as Feast's. */
export const SAMPLES: readonly Sample[] = [
  {
    id: 'plain',
    flag: true,
    small: 42,
    big: 1_234_567_890_123n,
    single: Math.fround(0.1),
    double: 0.1,
    text: 'tea cup',
    raw: Uint8Array.of(0, 1, 254, 255),
    at: 1_700_000_000_000_000n,
    ints: [1n, -2n, 3n],
    doubles: [0.5, 2, -1e-9],
    texts: ['a', 'b'],
    vector: Float32Array.of(0.25, -1, 3.3),
  },
  {
    id: 'largest',
    flag: false,
    small: 2_147_483_647,
    big: 9_223_372_036_854_775_807n,
    single: 3.4028234663852886e38,
    double: 1.7976931348623157e308,
    text: 'ünïcødé "quoted" \\ 茶\t☕\n',
    raw: Uint8Array.of(),
    at: 4_102_444_800_000_000n,
    ints: [9_223_372_036_854_775_807n],
    doubles: [1.7976931348623157e308],
    texts: ['', '"'],
    vector: Float32Array.of(1e30, 1e-30, 0),
  },
  {
    id: 'smallest | {id}:%/ü',
    flag: true,
    small: -2_147_483_648,
    big: -9_223_372_036_854_775_808n,
    single: 1.401298464324817e-45,
    double: 5e-324,
    text: '',
    raw: Uint8Array.of(7),
    at: -1_000_000n,
    ints: [-9_223_372_036_854_775_808n],
    doubles: [5e-324],
    texts: ['x'],
    vector: Float32Array.of(-0.5, 0.5, 1.5),
  },
  {
    id: '007',
    ...NULLS,
    flag: false,
    small: 0,
    big: 9_007_199_254_740_993n,
    single: -2,
    double: 3,
    text: 'null',
    at: 0n,
  },
  { id: 'whole', ...NULLS, single: 16_777_216, double: 1e21, text: '12' },
  { id: 'negative zero', ...NULLS, single: -0, double: -0, text: 'NaN' },
  { id: 'nulls', ...NULLS },
];

/** Feast's client reads these from no server: JSON has no NaN, and an empty list shows no type. */
export const ODD_SAMPLES: readonly Sample[] = [
  { id: 'empty lists', ...NULLS, ints: [], doubles: [], texts: [] },
  {
    id: 'not finite',
    ...NULLS,
    single: NaN,
    double: -Infinity,
    doubles: [1, NaN, Infinity, -Infinity],
    vector: Float32Array.of(NaN, Infinity, 1),
  },
];

/** Its rows were sampled at noon of the day, one second apart, and written a minute later. */
export const SAMPLES_YAML = `
entity: sample
joinKeys: { sample_id: string }
---
featureView: samples
entity: sample
source: { parquet: data/samples.parquet, eventTime: sampled_at, createdTime: written_at }
freshness: 30d
features:
${SAMPLE_FEATURES.map((name) => `  ${name}: "${SAMPLE_TYPES[name]}"`).join('\n')}
---
featureService: every_type
features: [samples]
`;

const sampleType = (feature: SampleFeature): ValueType => parseType(SAMPLE_TYPES[feature])!;

/** @returns a SELECT of all samples, as the project's source has them */
export function samplesSql(noonUs: number): string {
  const rows = [...SAMPLES, ...ODD_SAMPLES].map((sample, nth) => {
    const features = SAMPLE_FEATURES.map(
      (name) => `${literal(sampleType(name), sample[name])} AS ${quoteName(name)}`,
    );
    const at = noonUs + nth * 1_000_000;
    const times = `make_timestamp(${at}) AS sampled_at, make_timestamp(${at + 60_000_000}) AS written_at`;
    return `SELECT ${quoteText(sample.id)} AS sample_id, ${times}, ${features.join(', ')}`;
  });
  return rows.join(' UNION ALL ');
}

function literal(type: ValueType, value: Value): string {
  return `${value === null ? 'NULL' : text(type, value)}::${duckTypeOf(type)}`;
}

function text(type: ValueType, value: Value): string {
  switch (type.kind) {
    case 'list':
      return `[${(value as readonly Value[]).map((item) => literal(type.of, item)).join(', ')}]`;
    case 'embedding':
      return `[${Array.from(value as Float32Array, (item) => `'${item}'::FLOAT`).join(', ')}]`;
    case 'bytes':
      return `unhex('${Buffer.from(value as Uint8Array).toString('hex')}')`;
    case 'timestamp':
      return `make_timestamp(${value as bigint})`;
    case 'string':
      return quoteText(value as string);
    case 'bool':
      return String(value);
    default:
      return `'${Object.is(value, -0) ? '-0.0' : String(value)}'`;
  }
}
