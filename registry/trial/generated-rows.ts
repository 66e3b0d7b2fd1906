/** Rows to try a function with: nulls, zeros, ordinary values, extremes, empty lists. One seed, one list of rows. */
import type { OnDemandArgument } from '../../contract/on-demand/arguments.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';

export interface TrialRow {
  readonly values: readonly Value[];
  /** Whether it holds what no request is likely to bring: NaN, infinities, the largest integers. */
  readonly isExtreme: boolean;
}

/** @param mayBeNull  for each argument */
export function generatedRows(
  args: readonly OnDemandArgument[],
  mayBeNull: readonly boolean[],
  { seed, ordinary, extreme }: { readonly seed: number; readonly ordinary: number; readonly extreme: number },
): TrialRow[] {
  const random = new SeededNumbers(seed);
  const row = (isExtreme: boolean): TrialRow => ({
    isExtreme,
    values: args.map(({ type }, i) => {
      if (mayBeNull[i]! && random.below(5) === 0) return null;
      return new ValueMaking(random, isExtreme && random.below(2) === 0).make(type);
    }),
  });
  return [
    ...Array.from({ length: ordinary }, () => row(false)),
    ...Array.from({ length: extreme }, () => row(true)),
  ];
}

/** Mulberry32: small, and the same everywhere. */
class SeededNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  one<Of>(of: readonly Of[]): Of {
    return of[this.below(of.length)]!;
  }
}

const EXTREMES: Readonly<Record<string, readonly Value[]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2n ** 53n) + 1n, 2n ** 53n - 1n],
  float32: [Number.NaN, Infinity, -Infinity, -0, Math.fround(3.4e38), Math.fround(1e-45)],
  float64: [Number.NaN, Infinity, -Infinity, -0, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53],
  string: ['\u{1f600}', ' '.repeat(200), '\u0000', 'é'],
  // The years 1970 and 2200.
  timestamp: [0n, 7_258_118_400_000_000n],
};
const WORDS = ['', 'a', 'Berlin', 'x-1', '12', 'two words'];
const YEAR_2025_US = 1_735_689_600_000_000n;

class ValueMaking {
  readonly #random: SeededNumbers;
  readonly #isExtreme: boolean;

  constructor(random: SeededNumbers, isExtreme: boolean) {
    this.#random = random;
    this.#isExtreme = isExtreme;
  }

  make(type: ValueType): Value {
    const random = this.#random;
    const extremes = EXTREMES[type.kind];
    if (this.#isExtreme && extremes !== undefined) return random.one(extremes);
    switch (type.kind) {
      case 'bool':
        return random.below(2) === 1;
      case 'int32':
        return this.#whole();
      case 'int64':
        return BigInt(this.#whole());
      case 'float32':
        return Math.fround(this.#fraction());
      case 'float64':
        return this.#fraction();
      case 'string':
        return random.one(WORDS);
      case 'bytes':
        return Uint8Array.from(this.#items(() => random.below(256)));
      case 'timestamp':
        return YEAR_2025_US + BigInt(random.below(365 * 86_400)) * 1_000_000n;
      case 'embedding':
        return Float32Array.from({ length: type.size }, () => random.next() * 2 - 1);
      case 'list':
        return this.#items(() => this.#item(type.of));
      case 'map':
        return new Map(this.#items(() => [random.one(WORDS), this.#item(type.of)] as const));
      case 'struct':
        return Object.fromEntries(type.fields.map((field) => [field.name, this.#item(field.type)]));
    }
  }

  #item(type: ValueType): Value {
    return this.#random.below(8) === 0 ? null : this.make(type);
  }

  #items<Of>(make: () => Of): Of[] {
    return Array.from({ length: this.#random.one([0, 1, 2, 5]) }, make);
  }

  #whole(): number {
    return this.#random.one([0, 1, -1, 7, this.#random.below(1_000), this.#random.below(1_000_000)]);
  }

  #fraction(): number {
    const random = this.#random;
    return random.one([
      0,
      1,
      -1,
      random.next(),
      random.next() * 1_000,
      -random.next() * 100,
      random.below(50),
    ]);
  }
}
