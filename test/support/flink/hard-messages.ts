/** Messages whose values are hard, as the tests of Flink send them. */
import { formatTimestamp } from '../../../contract/std/timestamp.ts';

const PRICES = [
  '0.1',
  '-0.0',
  '2.5',
  '1e-13',
  '-7.125',
  '1.005',
  '123456.789',
  '1e13',
  '4.35',
  '0.30000000000000004',
];
const PIECES = [
  '0',
  '1',
  '-3',
  '"17"',
  '900719925474099301',
  '-1000000000000000000',
  '9223372036854775807',
  '5',
];
const PAGES = ['/a', ' /b ', '/ü', '😀', '', '\uffff', 'Zz', '/long/page'];

interface Message {
  readonly key: string;
  readonly value: string;
}

interface MessagePlace {
  readonly random: () => number;
  readonly users: number;
  readonly latenessUs: number;
}

/** A message, with each field null now and then; `at` within the last two minutes, of some before. */
export function hardMessage(i: number, { random, users, latenessUs }: MessagePlace): Message {
  const pick = (values: readonly string[]): string => values[Math.floor(random() * values.length)]!;
  const orNull = (text: string): string => (random() < 0.05 ? 'null' : text);
  const isLate = random() < 0.02;
  const at = Date.now() * 1_000 - Math.floor(random() * (isLate ? 2 * latenessUs : 120_000_000));
  const user = `u${Math.floor(random() ** 2 * users)}`;
  const fields = {
    user_id: JSON.stringify(user),
    at: String(random() < 0.3 ? Math.floor(at / 1e6) * 1e6 : at),
    page: orNull(JSON.stringify(pick(PAGES))),
    price: orNull(random() < 0.3 ? pick(PRICES) : String((random() - 0.3) * 1_000)),
    id: random() < 0.01 ? 'null' : JSON.stringify(String(i)),
    pieces: orNull(random() < 0.01 ? pick(PIECES) : String(Math.floor(random() * 20))),
    weight: orNull(String(Math.fround(random() * 9))),
    open: orNull(pick(['true', 'false'])),
    paid_at: orNull(JSON.stringify(formatTimestamp(at))),
    kind: '"insert"',
  };
  const value = `{${Object.entries(fields)
    .map(([name, text]) => `"${name}": ${text}`)
    .join(', ')}}`;
  return { key: user, value };
}
