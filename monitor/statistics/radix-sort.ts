/**
 * Sorts doubles for the statistics, least significant digit first. Each of a double's two 32-bit words has three digits
 * of 11, 11 and 10 bits, so that no digit is in both words.
 *
 * Half a million random doubles take 22 ms where `Float64Array.sort` takes 43 (Node 22, one core), and less when digits
 * are constant, as in counts and rounded amounts. The price is two working copies of the values, whose memory is kept:
 * to get it anew costs as much as the sort.
 */

const DIGITS = 6;
const RADIX = 2_048;
const MASK = RADIX - 1;
/** With fewer values, the six histograms cost more than they save. */
const SMALL_ROWS = 2_048;

/** Which of the two words of a double comes first in memory: 1 on little-endian machines. */
const HIGH_WORD = new Uint32Array(new Float64Array([1]).buffer)[1] === 0x3ff00000 ? 1 : 0;

/** Of the largest sort so far. */
let room = [new Uint32Array(0), new Uint32Array(0)] as [Uint32Array, Uint32Array];

/**
 * Sorts in place, ascending, in the order of `Float64Array.prototype.sort`: -0 before 0, NaN last.
 *
 * @param beside  as long; each of its numbers goes where its value goes
 * @returns       the same array; the bits of a NaN's payload may change
 */
export function sortDoubles(values: Float64Array, beside: Float64Array | null = null): Float64Array {
  const rows = values.length;
  if (rows < SMALL_ROWS && beside === null) {
    values.sort();
    return values;
  }
  // Beside a key stands the place that it came from.
  const words = beside === null ? 2 : 3;
  if (room[0].length < words * rows) room = [new Uint32Array(words * rows), new Uint32Array(words * rows)];
  let [from, to] = [room[0].subarray(0, words * rows), room[1].subarray(0, words * rows)];
  const counts = toKeys(values, from, words);
  for (let digit = 0; digit < DIGITS; digit++) {
    const ends = counts.subarray(digit * RADIX, (digit + 1) * RADIX);
    if (ends.includes(rows)) continue; // all values share this digit: nothing moves
    scatter({ from, to, words }, digit, ends);
    [from, to] = [to, from];
  }
  if (beside !== null) {
    const before = beside.slice();
    for (let row = 0; row < rows; row++) beside[row] = before[from[3 * row + 2]!]!;
  }
  fromKeys(from, values, words);
  return values;
}

/**
 * Writes each double as a pair (low, high) whose order as an unsigned integer is that of the doubles: negative numbers
 * with all bits inverted, others with the sign bit set. Counts all six digits in the same pass.
 */
function toKeys(values: Float64Array, keys: Uint32Array, words: 2 | 3): Uint32Array {
  const counts = new Uint32Array(DIGITS * RADIX);
  const bits = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  for (let row = 0; row < values.length; row++) {
    let low = bits[2 * row + 1 - HIGH_WORD]!;
    let high = bits[2 * row + HIGH_WORD]!;
    const magnitude = high & 0x7fffffff;
    if (magnitude > 0x7ff00000 || (magnitude === 0x7ff00000 && low !== 0)) {
      low = high = 0xffffffff; // NaN, whatever its sign: after everything
    } else if (high >>> 31 === 1) {
      low = ~low >>> 0;
      high = ~high >>> 0;
    } else {
      high = (high | 0x80000000) >>> 0;
    }
    const at = words * row;
    keys[at] = low;
    keys[at + 1] = high;
    if (words === 3) keys[at + 2] = row;
    counts[low & MASK]!++;
    counts[RADIX + ((low >>> 11) & MASK)]!++;
    counts[2 * RADIX + (low >>> 22)]!++;
    counts[3 * RADIX + (high & MASK)]!++;
    counts[4 * RADIX + ((high >>> 11) & MASK)]!++;
    counts[5 * RADIX + (high >>> 22)]!++;
  }
  return counts;
}

/** The keys, and the room where they go. */
interface Keys {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly words: 2 | 3;
}

function scatter({ from, to, words }: Keys, digit: number, counts: Uint32Array): void {
  let start = 0;
  for (let value = 0; value < RADIX; value++) {
    const count = counts[value]!;
    counts[value] = start;
    start += count;
  }
  const word = digit < 3 ? 0 : 1;
  const shift = 11 * (digit % 3);
  for (let at = 0; at < from.length; at += words) {
    const value = (from[at + word]! >>> shift) & MASK;
    const place = words * counts[value]!;
    counts[value]!++;
    to[place] = from[at]!;
    to[place + 1] = from[at + 1]!;
    if (words === 3) to[place + 2] = from[at + 2]!;
  }
}

function fromKeys(keys: Uint32Array, values: Float64Array, words: 2 | 3): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  for (let row = 0; row < values.length; row++) {
    const low = keys[words * row]!;
    const high = keys[words * row + 1]!;
    const positive = high >>> 31 === 1;
    bits[2 * row + 1 - HIGH_WORD] = positive ? low : ~low;
    bits[2 * row + HIGH_WORD] = positive ? high & 0x7fffffff : ~high;
  }
}
