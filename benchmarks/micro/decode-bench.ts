/**
 * What it costs to decode a message of JSON: events a second of CPU, beside a bare JSON.parse of the same messages,
 * which checks and converts nothing. Alternating rounds of one process.
 *
 *   node --disable-warning=ExperimentalWarning benchmarks/micro/decode-bench.ts [--rounds 7] [--messages 200000]
 */
import { parseArgs } from 'node:util';
import type { Source } from '../../contract/model.ts';
import type { StreamField } from '../../contract/stream-source.ts';
import { compileDecoder } from '../../materializer/stream/decode/decoder.ts';
import { median } from '../harness/median.ts';
import { print, printHardware } from '../harness/report.ts';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, messages: { type: 'string', default: '200000' } },
});

const field = (name: string, kind: 'int64' | 'string' | 'float64' | 'timestamp'): StreamField => {
  return { name, type: { kind }, unit: kind === 'timestamp' ? 'ms' : null };
};
const source: Source = {
  name: 'clicks',
  path: 'data/clicks',
  eventTime: 'at',
  createdTime: '_appended',
  maxAheadUs: null,
  stream: {
    topic: 'clicks',
    folder: null,
    format: { kind: 'json' },
    fields: [
      field('user_id', 'int64'),
      field('page', 'string'),
      field('price', 'float64'),
      field('at', 'timestamp'),
      field('id', 'string'),
    ],
    id: 'id',
    keyedBy: 'user_id',
    op: null,
  },
};

/** Some 150 bytes each, a field among them that nobody reads. */
const messages = Array.from({ length: 1_000 }, (_, n) =>
  Buffer.from(
    JSON.stringify({
      user_id: 1_000_000 + n * 7919,
      page: `/products/category-${n % 50}/item-${n}`,
      price: Math.round(n * 137.31) / 100,
      at: 1_767_225_600_000 + n * 13,
      id: `c${(n * 2_654_435_761).toString(16).padStart(16, '0')}`,
      referrer: 'search',
    }),
  ),
);

function cpuSeconds(work: (message: Buffer) => unknown): number {
  const count = Number(flags.messages);
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) work(messages[i % messages.length]!);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

const decode = compileDecoder(source);
let events = 0;
const contenders: [string, (message: Buffer) => unknown][] = [
  [
    'decoded',
    (message) => {
      const decoded = decode(message);
      if (typeof decoded === 'string') throw new Error(decoded);
      events += decoded.length;
    },
  ],
  ['JSON.parse', (message) => JSON.parse(message.toString())],
];

printHardware();
print(
  `${Math.round(messages.reduce((sum, { length }) => sum + length, 0) / messages.length)} bytes a message`,
);
const found = contenders.map((): number[] => []);
for (let round = 0; round <= Number(flags.rounds); round++) {
  for (const [c, [, work]] of contenders.entries()) {
    const seconds = cpuSeconds(work);
    // The first round warms up.
    if (round > 0) found[c]!.push(Number(flags.messages) / seconds);
  }
}
for (const [c, [name]] of contenders.entries()) {
  const rounds = found[c]!.map((rate) => Math.round(rate / 1_000)).join(', ');
  print(`${name}: ${Math.round(median(found[c]!) / 1_000)} thousand messages a CPU second (${rounds})`);
}
print(`${events} events`);
