/** The bad rows of a view's history, counted and named for those that read the good ones: training and the replay. */
import { relative } from 'node:path';
import { quoteName } from './duckdb.ts';
import type { DuckDb } from './duckdb.ts';
import { openHistoryWithFaults } from './history.ts';
import type { HistoryPlace } from '../../history/history-place.ts';
import { hasHistory } from '../../../contract/model.ts';
import type { Entity, FeatureView } from '../../../contract/model.ts';
import { FILE_COLUMN } from './sources/source-files.ts';
import { reasonKindSql } from './sources/column-reading.ts';
import { REASON, ROW_COLUMN } from './sources/stored-rows.ts';

export interface BadRows {
  readonly rows: number;
  /** By what is wrong, most frequent first. */
  readonly reasons: readonly BadReason[];
}

interface BadReason {
  /** Without the value at fault. */
  readonly reason: string;
  readonly rows: number;
  /** The first of them: what is wrong with its value, and its file and row where there are. */
  readonly example: string;
}

/** @throws as `openHistory` */
export async function countBadRows(
  duck: DuckDb,
  place: HistoryPlace,
  view: FeatureView,
  entity: Entity,
): Promise<BadRows> {
  if (hasHistory(view) && view.features.every(({ checks }) => checks === null)) return NONE;
  const [reason, file, row] = [REASON, FILE_COLUMN, ROW_COLUMN].map(quoteName) as [string, string, string];
  const { sql } = await openHistoryWithFaults(duck, place, view, entity);
  const first = `min({'file': ${file}, 'row': ${row}, 'reason': ${reason}})`;
  const found = await duck.rows(
    `SELECT ${reasonKindSql(reason)} AS kind, count(*)::DOUBLE AS n, ${first} AS first
     FROM (${sql})
     WHERE ${reason} IS NOT NULL GROUP BY 1 ORDER BY n DESC, kind`,
  );
  const reasons = found.map((one): BadReason => {
    const { entries } = one['first'] as unknown as {
      entries: { file: string | null; row: bigint; reason: string };
    };
    const at = entries.file === null ? '' : ` in ${relative(place.folder, entries.file)}, row ${entries.row}`;
    return { reason: one['kind'] as string, rows: one['n'] as number, example: `${entries.reason}${at}` };
  });
  return { rows: reasons.reduce((sum, { rows }) => sum + rows, 0), reasons };
}

const NONE: BadRows = { rows: 0, reasons: [] };

/** @returns one sentence that names them, or null where there are none */
export function badRowsText(view: Pick<FeatureView, 'id'>, { rows, reasons }: BadRows): string | null {
  if (rows === 0) return null;
  const kinds = reasons.map((one) => `${one.rows === 1 ? '' : `${one.rows} times: `}${one.example}`);
  return `${rows} bad ${rows === 1 ? 'row' : 'rows'} of ${view.id} ${rows === 1 ? 'is' : 'are'} left out (${kinds.join('; ')}).`;
}
