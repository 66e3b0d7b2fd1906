/** The view whose history the writers of history-writer.ts commit to, and the one row of each of their files. */
import { aggregatedView } from '../fixtures/aggregated-view.ts';

export const KILLED_DAY = '2026-01-05';
const eventUs = Date.UTC(2026, 0, 5) * 1_000;

export const { view: KILLED_VIEW, entity: KILLED_ENTITY } = aggregatedView({
  joinKeys: [{ name: 'thing', type: 'int64' }],
  path: 'events.parquet',
  eventTime: 'at',
  createdTime: null,
  hopUs: 3_600_000_000,
  features: [{ name: 'n', function: 'count' }],
});

export const ROW_SQL = `SELECT 1::BIGINT AS thing, make_timestamptz(${eventUs}) AS event_time,
  make_timestamptz(0) AS created_time, 'r' AS run_id, ${KILLED_VIEW.definitionId}::BIGINT AS definition_id,
  false AS deleted, 1::BIGINT AS n`;

export const ROW_FACTS = { bytes: 1, rows: 1, firstEventUs: eventUs, lastEventUs: eventUs };
