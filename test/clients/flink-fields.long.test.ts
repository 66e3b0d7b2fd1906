/**
 * Messages in Flink SQL against what `plumb stream` reads of them: times in RFC 3339, to the microsecond, and changes
 * of Debezium.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseTimestamp } from '../../contract/std/timestamp.ts';
import { debeziumDecoder } from '../../materializer/stream/decode/json/debezium-decoder.ts';
import { eventViews, messageTable } from '../../project/engine/flink/event-sql.ts';
import { fieldSql } from '../../project/engine/flink/field-sql.ts';
import { clickView } from '../support/fixtures/streamed-project.ts';
import { FLINK_START_LIMIT_MS, startFlink } from '../support/flink/flink.ts';
import { seededRandom } from '../support/seeded-random.ts';

const HARD = [
  '2026-02-28T23:59:59.999999Z',
  '2026-02-29',
  '2024-02-29',
  '2000-02-29',
  '1900-02-29',
  '1970-01-01T00:00',
  '1969-12-31T23:59:59.999999',
  '0000-01-01',
  '9999-12-31T23:59:59.999999+00:00',
  '2026-11-31',
  '2026-13-01',
  '2026-00-10',
  '2026-10-00',
  '2026-10-10T24:00:00',
  '2026-10-10T23:60:00',
  '2026-10-10T23:59:60',
  '2026-10-10Z',
  '2026-10-10+02:00',
  '2026-10-10 10:11:12.5-0130',
  '2026-10-10t10:11:12z',
  '2026-10-10T10:11Z',
  '2026-10-10T10',
  '2026-10-10T10:11:12.1234567',
  '2026-10-10T10:11:12.123456000',
  '2026-10-10T10:11:12.',
  '2026-1-10',
  'now',
  '',
  '2026-10-10T10:11:12.0000001Z',
  '2026-10-10T10:11:12+99:99',
  '2026-10-10T10:11:12+2:00',
  ' 2026-10-10',
  '2026-10-10 ',
];

test(
  'a text is a time in Flink where it is one here, and the same',
  async () => {
    const random = seededRandom();
    const below = (most: number): number => Math.floor(random() * most);
    const digits = (number: number, width: number): string => String(number).padStart(width, '0');
    const drawn = Array.from({ length: 2_000 }, () => {
      const date = `${digits(below(10_000), 4)}-${digits(below(14), 2)}-${digits(below(33), 2)}`;
      const second = random() < 0.2 ? '' : `:${digits(below(61), 2)}`;
      const fraction =
        second === '' || random() < 0.3 ? '' : `.${digits(below(1e9), 9).slice(0, 1 + below(8))}`;
      const zone = ['', 'Z', '+02:00', '-0930', 'z'][below(5)]!;
      return `${date}T${digits(below(25), 2)}:${digits(below(61), 2)}${second}${fraction}${zone}`;
    });
    const texts = [...HARD, ...drawn];
    const found = await inFlink(texts);
    expect(found.length).toBe(texts.length);
    const expected = texts.map((text) => parseTimestamp(text)?.toString() ?? 'no time');
    const wrong = texts.map((text, i) => ({ text, here: expected[i], there: found[i] }));
    expect(wrong.filter(({ here, there }) => here !== there)).toEqual([]);
    expect(found.filter((us) => us !== 'no time').length).toBeGreaterThan(1_000);
  },
  FLINK_START_LIMIT_MS,
);

const { view } = clickView(0, [], {
  topic: 'changes',
  folder: null,
  format: { kind: 'debezium' },
  fields: [
    { name: 'user_id', type: { kind: 'string' }, unit: null },
    { name: 'at', type: { kind: 'timestamp' }, unit: 'rfc3339' },
    { name: 'price', type: { kind: 'float64' }, unit: null },
    { name: 'id', type: { kind: 'string' }, unit: null },
  ],
});

const row = (more: string): string => `{"user_id": "u1", "at": "2026-10-10T10:11:12.5Z", "id": "1"${more}}`;
const [GOOD, OTHER, BAD] = [
  row(', "price": 1.5, "note": 1'),
  row(', "price": null'),
  row(', "price": "high"'),
];
const TIMELESS = '{"user_id": "u1", "price": 2}';

test(
  'a change of Debezium is in Flink the events that it is here',
  async () => {
    const rows = ['null', GOOD, OTHER, BAD, TIMELESS, '{}'];
    const plain = ['c', 'r', 'u', 'd', 'm', 't'].flatMap((op) =>
      rows.flatMap((before) =>
        rows.map((after) => `{"op": "${op}", "before": ${before}, "after": ${after}}`),
      ),
    );
    const messages = [
      ...plain,
      ...plain.map((change) => `{"schema": {"type": "struct"}, "payload": ${change}}`),
      '{}',
      '{"payload": null}',
      `{"op": null, "after": ${GOOD}}`,
      `{"op": "c", "after": ${GOOD}, "payload": null}`,
    ];
    const decode = debeziumDecoder(view.source);
    const found = await eventsInFlink(messages);
    const wrong = messages.flatMap((message, i) => {
      const events = decode(Buffer.from(message));
      const here =
        typeof events === 'string' ? ['unreadable'] : events.map(({ op, values }) => shown(op, values));
      const there = found[i] ?? [];
      return JSON.stringify(here) === JSON.stringify(there) ? [] : [{ message, here, there }];
    });
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(found.flat().length).toBeGreaterThan(messages.length / 2);
  },
  FLINK_START_LIMIT_MS,
);

function shown(op: number, values: readonly unknown[]): string {
  return [op, ...values.map((value) => (value === null ? '-' : String(value)))].join(' ');
}

/** @returns the events of each message, those that are taken back first */
async function eventsInFlink(messages: readonly string[]): Promise<string[][]> {
  const lines = messages.map((message, n) => `${JSON.stringify({ '~offset': n, ...JSON.parse(message) })}\n`);
  const table = messageTable(view.source, { topic: 'changes', kafka: {} }, 'test')
    .replace("INT METADATA FROM 'partition' VIRTUAL", 'INT')
    .replace("BIGINT METADATA FROM 'offset' VIRTUAL", 'BIGINT')
    .replace("TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL", 'TIMESTAMP_LTZ(3)');
  const values = ['user_id', '`at`', 'price', 'id'].map((name) => `COALESCE(CAST(${name} AS STRING), '-')`);
  const event = `CONCAT(CAST(\`~sign\` AS STRING), ' ', ${values.join(", ' ', ")})`;
  const answers = await answered(lines, {
    table,
    views: eventViews(view.source).map(([, statement]) => statement),
    select: `SELECT \`~offset\`, CASE WHEN readable THEN ${event} ELSE 'unreadable' END FROM event WHERE readable IS NOT NULL`,
  });
  const events: string[][] = [];
  for (const { n, at } of answers) (events[n] ??= []).push(at);
  return events.map((own) => own.toSorted());
}

/** @returns microseconds, or `no time`, of each text */
async function inFlink(texts: readonly string[]): Promise<string[]> {
  const { value, fits } = fieldSql({ name: 'at', type: { kind: 'timestamp' }, unit: 'rfc3339' });
  const answers = await answered(
    texts.map((at, n) => `${JSON.stringify({ n, at })}\n`),
    {
      table: 'CREATE TABLE message (n BIGINT, `at` STRING) WITH (\n)',
      views: [],
      select: `SELECT n, CASE WHEN ${fits!} THEN CAST(${value} AS STRING) ELSE 'no time' END FROM message`,
    },
  );
  return answers.toSorted((a, b) => a.n - b.n).map(({ at }) => at);
}

interface Asked {
  /** The statement of the table `message`, whose options are put in place of its own. */
  readonly table: string;
  readonly views: readonly string[];
  /** Of a number and a text. */
  readonly select: string;
}

async function answered(
  lines: readonly string[],
  { table, views, select }: Asked,
): Promise<{ readonly n: number; readonly at: string }[]> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-flink-'));
  try {
    writeFileSync(join(folder, 'rows.json'), lines.join(''));
    const options = (path: string): string =>
      `WITH ('connector' = 'filesystem', 'path' = 'file://${folder}/${path}', 'format' = 'json', 'json.ignore-parse-errors' = 'true')`;
    const statements = [
      table.replace(/WITH \([^]*$/, options('rows.json')),
      `CREATE TABLE answer (n BIGINT, \`at\` STRING) ${options('answer')}`,
      ...views,
      `EXECUTE STATEMENT SET BEGIN\nINSERT INTO answer ${select};\nEND`,
    ];
    const sql = statements.map((statement) => `${statement};\n\n`).join('');
    const configuration = { 'execution.runtime-mode': 'BATCH', 'parallelism.default': '1' };
    const flink = await startFlink({ folder, sql, configuration });
    await flink.ended();
    const files = readdirSync(join(folder, 'answer')).filter((name) => !name.startsWith('.'));
    const read = files.flatMap((file) => readFileSync(join(folder, 'answer', file), 'utf8').split('\n'));
    return read.filter((line) => line !== '').map((line) => JSON.parse(line) as { n: number; at: string });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
