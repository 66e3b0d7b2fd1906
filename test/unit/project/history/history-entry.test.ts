/** The log of a history, byte for byte: other programs read it. `test/golden/0.1.0/history-log.jsonl` has
 * an action a line, and an empty line between two entries. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FeatureView } from '../../../../contract/model.ts';
import { entryText, parseEntry } from '../../../../project/delta/delta-action.ts';
import type { DeltaAction } from '../../../../project/delta/delta-action.ts';
import { parseState, stateText, TableFold } from '../../../../project/delta/table-state.ts';
import { compactionEntry, historyEntry } from '../../../../project/history/history-entry.ts';
import { HistorySnapshot } from '../../../../project/history/history-snapshot.ts';
import { aggregatedView } from '../../../support/fixtures/aggregated-view.ts';
import { localFolder } from '../../../../project/storage/local-folder.ts';

const GOLDEN = join(import.meta.dirname, '../../../golden/0.1.0/history-log.jsonl');
const NOON_US = Date.UTC(2026, 0, 5, 12) * 1_000;
const { view, entity } = aggregatedView({
  joinKeys: [
    { name: 'shop', type: 'string' },
    { name: 'till', type: 'int32' },
  ],
  path: 'events.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: 3_600_000_000,
  features: [
    { name: 'n', function: 'count' },
    { name: 'newest', function: 'max', column: 'at', columnType: { kind: 'timestamp' } },
  ],
});
const [count, newest] = view.features;
/** With a column more, and then with one of another type. */
const wider: FeatureView = {
  ...view,
  definitionId: 7,
  features: [count!, newest!, { ...count!, name: 'more' }],
};
const other: FeatureView = { ...view, definitionId: 8, features: [{ ...count!, type: { kind: 'float64' } }] };

function fold(): { readonly fold: TableFold; readonly entries: DeltaAction[][] } {
  const table = new TableFold(null);
  const entries: DeltaAction[][] = [];
  const add = (entry: DeltaAction[]): void => {
    entries.push(entry);
    table.add(entry);
  };
  const file = (of: FeatureView, run: string) => ({
    path: `day=2026-01-05/${run}.${of.definitionId.toString(16).padStart(8, '0')}.parquet`,
    bytes: 1_000,
    rows: 3,
    firstEventUs: NOON_US,
    lastEventUs: NOON_US + 3_600_000_000,
  });
  for (const [i, of] of [view, view, wider, other].entries()) {
    const facts = {
      runId: `run-${i}`,
      watermarkUs: NOON_US + i,
      createdUs: NOON_US,
      read: i - 1,
      lease: i + 1,
    };
    const commit = i === 0 ? { ...facts, read: null } : facts;
    add(
      historyEntry(table.state(), {
        view: of,
        entity,
        files: [file(of, `run-${i}`)],
        commit,
        nowMs: 1_000 + i,
      }),
    );
    if (i !== 1) continue;
    const files = new HistorySnapshot(localFolder(''), table.state()!).active();
    add(
      compactionEntry(table.state()!, {
        joined: [{ files, into: file(view, 'joined') }],
        lease: 2,
        nowMs: 2_000,
      }),
    );
  }
  add([{ txn: { appId: 'topic 3', version: 17 } }]);
  return { fold: table, entries };
}

/** What is drawn by chance has one text. */
function fixed(text: string): string {
  return text
    .replaceAll(/"nonce":"[0-9a-f]{16}"/g, '"nonce":"0000000000000000"')
    .replaceAll(/"id":"[0-9a-f-]{36}"/g, '"id":"00000000-0000-0000-0000-000000000000"');
}

test('entries have their bytes, and say again what they said when they are read', () => {
  const { entries } = fold();
  const texts = entries.map(entryText);
  expect(texts.map(fixed).join('\n')).toBe(readFileSync(GOLDEN, 'utf8'));
  expect(texts.map((text) => parseEntry(text, 'entry'))).toEqual(JSON.parse(JSON.stringify(entries)));
});

test('the golden log gives the same table as the entries it is of, and so does the text of its state', () => {
  const read = new TableFold(null);
  for (const entry of readFileSync(GOLDEN, 'utf8').split('\n\n')) read.add(parseEntry(entry, 'golden'));
  const state = read.state()!;
  const own = fold().fold.state()!;
  expect([...state.files.keys()]).toEqual([...own.files.keys()]);
  expect(
    new HistorySnapshot(localFolder(''), state)
      .files([view.definitionId, 7, 8])
      .map(({ path, version }) => [path, version]),
  ).toEqual([
    [`day=2026-01-05/joined.${view.definitionId.toString(16).padStart(8, '0')}.parquet`, 1],
    ['day=2026-01-05/run-2.00000007.parquet', 3],
    ['day=2026-01-05/run-3.00000008.parquet', 4],
  ]);
  expect(state.txns).toEqual(new Map([['topic 3', 17]]));
  expect(parseState(stateText(state, () => true))).toEqual(state);
});
