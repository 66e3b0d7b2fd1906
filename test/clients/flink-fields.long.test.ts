/** Fields of messages in Flink SQL against what `plumb stream` reads: times in RFC 3339, to the microsecond. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseTimestamp } from '../../contract/std/timestamp.ts';
import { fieldSql } from '../../project/engine/flink/field-sql.ts';
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

/** @returns microseconds, or `no time`, of each text */
async function inFlink(texts: readonly string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-flink-'));
  try {
    writeFileSync(join(folder, 'rows.json'), texts.map((at, n) => `${JSON.stringify({ n, at })}\n`).join(''));
    const table = (name: string, path: string): string =>
      `CREATE TABLE ${name} (n BIGINT, \`at\` STRING) WITH ('connector' = 'filesystem', 'path' = 'file://${folder}/${path}', 'format' = 'json');\n\n`;
    const { value, fits } = fieldSql({ name: 'at', type: { kind: 'timestamp' }, unit: 'rfc3339' });
    const sql = `SET 'execution.runtime-mode' = 'batch';\n\n${table('message', 'rows.json')}${table('answer', 'answer')}EXECUTE STATEMENT SET BEGIN
INSERT INTO answer SELECT n, CASE WHEN ${fits!} THEN CAST(${value} AS STRING) ELSE 'no time' END FROM message;
END;\n`;
    const flink = await startFlink({ folder, sql });
    await flink.ended();
    const files = readdirSync(join(folder, 'answer')).filter((name) => !name.startsWith('.'));
    const answers: string[] = [];
    for (const file of files)
      for (const line of readFileSync(join(folder, 'answer', file), 'utf8').split('\n')) {
        if (line === '') continue;
        const { n, at } = JSON.parse(line) as { n: number; at: string };
        answers[n] = at;
      }
    return answers;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
