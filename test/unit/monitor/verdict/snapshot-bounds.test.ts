/** Whatever a day was like, its snapshot stays small, keeps what counts, and says what it lacks. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exampleValue } from '../../../../monitor/verdict/example-value.ts';
import { boundedSnapshot, snapshotText } from '../../../../monitor/verdict/snapshot-bounds.ts';
import type { Example, FeatureSnapshot, Incident, Snapshot } from '../../../../monitor/verdict/snapshot.ts';
import { incidentDay } from '../../../support/fixtures/incident-day.ts';
import { exampleSamples, goodDay, largeDay } from '../../../support/fixtures/sample-snapshot.ts';

const MOST_BYTES = 5_000_000;
const MOST_EXAMPLES = 2_000;
const ORDER = [
  'examples past two of a feature and incident',
  'distribution functions',
  'slices',
  'runs',
  'the trend',
  'distributions',
  'examples',
];

const bytes = (snapshot: Snapshot): number => Buffer.byteLength(snapshotText(snapshot));
const examplesOf = ({ features, incidents }: Snapshot): Example[] =>
  [...features, ...incidents].flatMap(({ examples }) => examples as readonly Example[]);

/** A generator of doubles in [0, 1) that fast-check seeds. */
const random = fc.integer({ min: 1, max: 2 ** 31 - 1 }).map((seed) => {
  let state = seed;
  return (): number => (state = (state * 48_271) % (2 ** 31 - 1)) / (2 ** 31 - 1);
});

/** The longest values that an example may have, once they are cut. */
const LONG = [
  'é'.repeat(1_000),
  Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(300)}`),
  Array.from({ length: 40 }, () => Array.from({ length: 40 }, (_, i) => i * Math.PI)),
  Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`field_${i}`, 'y'.repeat(300)])),
];

interface Size {
  readonly features: number;
  readonly examples: number;
  readonly incidents: number;
  readonly runs: number;
  readonly isLong: boolean;
  readonly rand: () => number;
}

const size: fc.Arbitrary<Size> = fc.record({
  features: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 300 })),
  examples: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 30 })),
  incidents: fc.oneof(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 600 })),
  runs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 8_000 })),
  isLong: fc.boolean(),
  rand: random,
});

/** More than fits, in every way. */
const LARGE: Size = {
  features: 300,
  examples: 20,
  incidents: 600,
  runs: 8_000,
  isLong: true,
  rand: () => 0.25,
};

function dayOf({ features, examples, incidents, runs, isLong, rand }: Size): Snapshot {
  const [base] = largeDay(1).features as [FeatureSnapshot];
  const [card] = incidentDay().incidents as [Incident];
  const good = goodDay();
  const some = (count: number): Example[] => {
    const value = () => (isLong ? LONG[Math.floor(rand() * LONG.length)]! : rand());
    return exampleSamples(
      'unexplained',
      count,
      () => [value(), value()],
      () => 'e'.repeat(200),
    )
      .map((example) => {
        const [served, replayed] = [example.served, example.replayed].map((side) => {
          return { ...side, ...exampleValue(side.value) };
        });
        const withinPromise = rand() < 0.3;
        return {
          ...example,
          served: served!,
          replayed: replayed!,
          withinPromise,
          harm: withinPromise ? 0 : rand(),
        };
      })
      .toSorted((a, b) => Number(a.withinPromise) - Number(b.withinPromise) || b.harm - a.harm);
  };
  return {
    ...good,
    features: Array.from({ length: features }, (_, i) => {
      const level = rand() < 0.5 ? ('ok' as const) : ('alert' as const);
      return { ...base, name: `${base.name}_${i}`, level, harm: rand() * 100, examples: some(examples) };
    }),
    incidents: Array.from({ length: incidents }, () => {
      return {
        ...card,
        harm: rand() * 100,
        examples: some(2).map((one) => ({ ...one, feature: base.name })),
      };
    }),
    runs: Array.from({ length: runs }, () => good.runs[0]!),
  };
}

describe('a bounded snapshot', () => {
  test('has at most 5 MB and 2,000 examples, and keeps two of each feature and incident', () => {
    fc.assert(
      fc.property(size, (of) => {
        const day = dayOf(of);
        const { snapshot, text } = boundedSnapshot(day);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MOST_BYTES);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(snapshot)));
        expect(examplesOf(snapshot).length).toBeLessThanOrEqual(MOST_EXAMPLES);
        // What counts is all there.
        const { verdict, sentence, findings, vectors, views } = day;
        expect(snapshot).toMatchObject({ verdict, sentence, findings, vectors, views });
        expect(snapshot.incidents.length).toBe(of.incidents);
        for (const [i, { name, causes, states, exactMatch }] of day.features.entries())
          expect(snapshot.features[i]).toMatchObject({ name, causes, states, exactMatch });
        const { truncated = [] } = snapshot;
        expect(truncated).toEqual(ORDER.slice(0, truncated.length));
        const hasRoom = 2 * (of.features + of.incidents) <= MOST_EXAMPLES && !truncated.includes('examples');
        for (const [i, { examples }] of [...day.features, ...day.incidents].entries()) {
          const kept = [...snapshot.features, ...snapshot.incidents][i]!.examples;
          expect(kept).toEqual((examples as readonly Example[]).filter((one) => kept.includes(one as never)));
          if (hasRoom) expect(kept.slice(0, 2)).toEqual(examples.slice(0, 2));
        }
      }),
      { numRuns: 15, examples: [[{ ...LARGE, runs: 0 }], [LARGE]] },
    );
  });

  test('is bounded in bytes: a character may be of three', () => {
    const [base] = largeDay(1).features as [FeatureSnapshot];
    const long = exampleSamples(
      'unexplained',
      4,
      () => [1, 2],
      () => '€'.repeat(500_000),
    );
    const day = { ...goodDay(), features: [{ ...base, examples: long }] };
    expect(snapshotText(day).length).toBeLessThan(MOST_BYTES);
    expect(bytes(day)).toBeGreaterThan(MOST_BYTES);
    const { snapshot, text } = boundedSnapshot(day);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MOST_BYTES);
    expect(snapshot.truncated).toEqual(ORDER.slice(0, 1));
    expect(examplesOf(snapshot)).toHaveLength(2);
  });

  test('leaves out nothing of a small day', () => {
    const { snapshot: small } = boundedSnapshot(incidentDay());
    expect(small.truncated).toBeUndefined();
    expect(examplesOf(small)).toEqual(examplesOf(incidentDay()));
  });

  test('leaves out what goes first, and no more than it must', () => {
    const truncated = (change: Partial<Size>) =>
      boundedSnapshot(dayOf({ ...LARGE, incidents: 0, runs: 0, ...change })).snapshot.truncated;
    expect(truncated({ features: 100 })).toEqual(ORDER.slice(0, 1));
    expect(truncated({ features: 20 })).toBeUndefined();
    expect(truncated({ features: 20, runs: 20_000 })).toEqual(ORDER.slice(0, 4));
  });

  test('of 200 features with a hundred examples each lacks none of what the design keeps', () => {
    const day = largeDay(200);
    expect(examplesOf(day)).toHaveLength(20_000);
    expect(bytes(day)).toBeGreaterThan(2 * MOST_BYTES);
    const { snapshot } = boundedSnapshot(day);
    expect(snapshot.truncated ?? []).toEqual([]);
    expect(examplesOf(snapshot)).toHaveLength(MOST_EXAMPLES);
  });

  test('keeps the examples of the greatest harm, those within the promise last', () => {
    const day = dayOf({
      features: 100,
      examples: 60,
      incidents: 5,
      runs: 0,
      isLong: false,
      rand: (() => {
        let i = 0;
        return () => ((i = (i * 7_919 + 1) % 1_000_003), i / 1_000_003);
      })(),
    });
    const { snapshot } = boundedSnapshot(day);
    const others = (of: Snapshot): Example[] => of.features.flatMap(({ examples }) => examples.slice(2));
    const kept = new Set(examplesOf(snapshot));
    const gone = others(day).filter((one) => !kept.has(one));
    const least = Math.min(...others(snapshot).map(({ harm }) => harm));
    expect(gone.length).toBe(100 * 60 + 10 - MOST_EXAMPLES);
    expect(Math.max(...gone.map(({ harm }) => harm))).toBeLessThanOrEqual(least);
    expect(others(snapshot).some(({ withinPromise }) => withinPromise)).toBe(false);
  });

  test('has distribution functions of flagged features alone', () => {
    const [base] = largeDay(1).features as [FeatureSnapshot];
    const numeric = base.distributions as Extract<FeatureSnapshot['distributions'], { kind: 'numeric' }>;
    const quiet: FeatureSnapshot = {
      ...base,
      level: 'ok',
      distributions: { ...numeric, ks: { ...numeric.ks, level: 'ok' } },
    };
    const hasFunctions = (feature: FeatureSnapshot): boolean => {
      const { snapshot } = boundedSnapshot({ ...goodDay(), features: [feature] });
      return 'ecdf' in snapshot.features[0]!.distributions!;
    };
    expect(hasFunctions(quiet)).toBe(false);
    expect(hasFunctions({ ...quiet, level: 'too-few' })).toBe(false);
    expect(hasFunctions({ ...quiet, level: 'alert' })).toBe(true);
    expect(hasFunctions({ ...quiet, level: 'alarm' })).toBe(true);
    expect(
      hasFunctions({ ...quiet, distributions: { ...numeric, ks: { ...numeric.ks, level: 'warn' } } }),
    ).toBe(true);
    const drift = { training: null, weekday: { level: 'flagged' }, mean: null, standardDeviation: null };
    expect(hasFunctions({ ...quiet, drift: drift as never })).toBe(true);
    expect(hasFunctions({ ...quiet, drift: { ...drift, weekday: { level: 'none' } } as never })).toBe(false);
  });
});

describe('a value in an example', () => {
  test('is cut at 200 characters and 16 elements, and says how long it is', () => {
    expect(exampleValue('x'.repeat(200))).toEqual({ value: 'x'.repeat(200) });
    expect(exampleValue('x'.repeat(201))).toEqual({ value: 'x'.repeat(200), length: 201 });
    // Characters, and no half of one.
    expect(exampleValue('🙂'.repeat(200))).toEqual({ value: '🙂'.repeat(200) });
    expect(exampleValue(`a${'🙂'.repeat(300)}`)).toEqual({ value: `a${'🙂'.repeat(199)}`, length: 301 });
    const list = Array.from({ length: 128 }, (_, i) => i);
    expect(exampleValue(list)).toEqual({ value: list.slice(0, 16), length: 128 });
    expect(exampleValue(list.slice(0, 16))).toEqual({ value: list.slice(0, 16) });
    expect(exampleValue({ a: 'y'.repeat(300), b: list, c: null })).toEqual({
      value: { a: `${'y'.repeat(200)}…`, b: [...list.slice(0, 16), '…'], c: null },
    });
    for (const value of [null, 0, '-0', 'NaN', true, '9007199254740993', []])
      expect(exampleValue(value)).toEqual({ value });
  });

  test('is never longer than 4,000 characters of JSON, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
        fc.integer({ min: 1, max: 60 }),
        (one, times) => {
          for (const value of [
            one,
            Array.from({ length: times }, () => one),
            String(JSON.stringify(one)).repeat(times),
          ]) {
            const { value: shown, length } = exampleValue(value as never);
            expect(JSON.stringify(shown).length).toBeLessThanOrEqual(4_000);
            if (JSON.stringify(shown) !== JSON.stringify(value) && typeof value === 'string')
              expect(length).toBe([...value].length);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
