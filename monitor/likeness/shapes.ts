/** The shapes that a value alone can have beside another one: of numbers, times and texts. Pure. */
import { isNumeric } from '../../contract/value-type.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { Shape, UnexplainedValue } from './likeness.ts';

const HOUR_US = 3_600_000_000n;
const DOUBLE: ValueType = { kind: 'float64' };
/** More digits than these are precision, a cause of its own. */
const MOST_DIGITS = 5;
/** Tens, hundreds and thousands have decimals below 0. */
const LEAST_DECIMALS = -3;

/** @returns the shapes of a feature's values by themselves; none where its type has no such shape */
export function ownShapes(type: ValueType, values: readonly UnexplainedValue[]): Shape[] {
  if (isNumeric(type)) return numberShapes(type, values);
  if (type.kind === 'timestamp') return shiftShapes(values);
  return type.kind === 'string' ? textShapes(values) : [];
}

function numberShapes(type: ValueType, values: readonly UnexplainedValue[]): Shape[] {
  // Two numbers are one in another unit up to the rounding of the conversion.
  const close = type.kind === 'float32' ? 1e-6 : 1e-9;
  const shape = (kind: Shape['kind'], name: string, of: (held: number) => number): Shape => ({
    name,
    kind,
    type: DOUBLE,
    candidates: values.map(({ held }) => {
      const number = finiteOf(held);
      return number === null ? undefined : of(number);
    }),
    fits: (served, candidate) => {
      const number = finiteOf(served);
      return number !== null && isClose(number, candidate as number, close);
    },
  });
  const roundings: Shape[] = [];
  for (let decimals = MOST_DIGITS; decimals >= LEAST_DECIMALS; decimals--) {
    const unit = 10 ** -decimals;
    roundings.push(shape('rounding', decimalsText(decimals), (held) => Math.round(held / unit) * unit));
  }
  for (let digits = MOST_DIGITS; digits > 0; digits--) {
    const name = `the value rounded to ${digits} ${digits === 1 ? 'digit' : 'digits'}`;
    roundings.push(shape('rounding', name, (held) => Number(held.toPrecision(digits))));
  }
  return [
    ...ratioOf(values, close).map((ratio) => shape('ratio', ratioText(ratio), (held) => held * ratio)),
    shape('rounding', 'the value cut to a whole number', Math.trunc),
    ...roundings,
  ];
}

function decimalsText(decimals: number): string {
  if (decimals > 0) return `the value rounded to ${decimals} ${decimals === 1 ? 'decimal' : 'decimals'}`;
  return `the value rounded to ${['whole numbers', 'tens', 'hundreds', 'thousands'][-decimals]!}`;
}

/** @returns the ratio that most rows have, unless it is 1; none where no two rows have the same */
function ratioOf(values: readonly UnexplainedValue[], close: number): number[] {
  const ratios = new Map<string, number[]>();
  for (const { served, held } of values) {
    const [a, b] = [finiteOf(served), finiteOf(held)];
    if (a === null || b === null || a === 0 || b === 0) continue;
    const name = (a / b).toPrecision(6);
    const own = ratios.get(name);
    if (own === undefined) ratios.set(name, [a / b]);
    else own.push(a / b);
  }
  const [most] = [...ratios.values()].toSorted((a, b) => b.length - a.length);
  if (most === undefined || most.length < 2) return [];
  const ratio = most.toSorted((a, b) => a - b)[most.length >> 1]!;
  // A factor of people has few digits: 0.01, 3.6, 1.60934.
  const short = Number(ratio.toPrecision(6));
  return isClose(ratio, 1, close) ? [] : [isClose(ratio, short, close) ? short : ratio];
}

function ratioText(ratio: number): string {
  const inverse = Math.round(1 / ratio);
  return Math.abs(ratio) < 1 && isClose(ratio * inverse, 1, 1e-9)
    ? `the value divided by ${inverse}`
    : `${Number(ratio.toPrecision(6))} times the value`;
}

function isClose(a: number, b: number, close: number): boolean {
  return a === b || Math.abs(a - b) <= close * Math.max(Math.abs(a), Math.abs(b));
}

function finiteOf(value: Value): number | null {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Times as another time zone has them. */
function shiftShapes(values: readonly UnexplainedValue[]): Shape[] {
  const counts = new Map<bigint, number>();
  for (const { served, held } of values) {
    if (typeof served !== 'bigint' || typeof held !== 'bigint') continue;
    const by = served - held;
    if (by % HOUR_US === 0n) counts.set(by, (counts.get(by) ?? 0) + 1);
  }
  const [most] = [...counts].toSorted((a, b) => b[1] - a[1]);
  if (most === undefined) return [];
  const [by] = most;
  const hours = `${by < 0n ? '-' : '+'}${(by < 0n ? -by : by) / HOUR_US}`;
  return [
    {
      name: `the time shifted by ${hours} h`,
      kind: 'shift',
      type: { kind: 'timestamp' },
      candidates: values.map(({ held }) => (typeof held === 'bigint' ? held + by : undefined)),
      fits: (served, candidate) => served === candidate,
    },
  ];
}

/** The last one fits where the others do, and is shown where it fits more. */
const TEXT_FORMS: readonly (readonly [string, (text: string) => string])[] = [
  ['the text but for spaces at its ends', (text) => text.trim()],
  ['the text but for its case', (text) => text.toLowerCase()],
  ['the text but for its case and spaces at its ends', (text) => text.trim().toLowerCase()],
];

function textShapes(values: readonly UnexplainedValue[]): Shape[] {
  return TEXT_FORMS.map(([name, form]) => ({
    name,
    kind: 'text',
    type: { kind: 'string' },
    candidates: values.map(({ held }) => (typeof held === 'string' ? form(held) : undefined)),
    fits: (served, candidate) => typeof served === 'string' && form(served) === candidate,
  }));
}
