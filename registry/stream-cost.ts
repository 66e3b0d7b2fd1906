/**
 * What a view over a stream is going to cost, from its definition and from the log of the stream's archive: shown by
 * `plan` for views that are new or computed anew. Figures are bounds and rounded guesses, so that a plan is quick.
 *
 *   rows an event       it enters all windows at one edge, and leaves each at another: a row each
 *   edges a late event  those that were written and hold it: of the longest window, no more than the lateness lets in
 *   tiles an entity     one an edge of the longest window, of an entity that is never still
 */
import { resolve } from 'node:path';
import { filledIn } from '../contract/definitions/source-variables.ts';
import type { FeatureView } from '../contract/model.ts';
import { schemeOf } from '../contract/std/files/local-path.ts';
import { formatDuration } from '../contract/std/duration.ts';
import { isNumeric } from '../contract/value-type.ts';
import { HEADER_BYTES } from '../contract/wire/online/row-header.ts';
import type { FileStats } from '../project/delta/delta-action.ts';
import { localFolder } from '../project/storage/local-folder.ts';
import { readTable } from '../project/delta/delta-log.ts';
import type { Settings } from '../project/settings/settings.ts';

/** Past it one late event makes more rows in a step than a stream should. */
const MOST_EDGES = 10_000;
/** A tile of ten events and five features (docs/benchmarks.md). */
const TILE_BYTES = 124;
const NUMBER_BYTES = 9;
/** Of a text or a list: nobody knows before it comes. */
const OTHER_BYTES = 20;
/** What Redis adds to an entity of one view, compact hashes taken for granted (docs/benchmarks/offline.md). */
const REDIS_BYTES = 140;

export interface StreamCost {
  readonly view: string;
  readonly rowsAnEvent: number;
  readonly edgesALateEvent: number;
  /** Null: a feature is of all time, and its tiles are as many as an entity has hops with events. */
  readonly tilesAnEntity: number | null;
  readonly onlineBytesAnEntity: number;
  /** As many as the archive got on a day; null: it has none yet, or lies in object storage. */
  readonly eventsADay: number | null;
}

/** @param views  those to tell of; files and tables cost by their runs */
export async function streamCosts(
  views: readonly FeatureView[],
  settings: Pick<Settings, 'folder' | 'vars'>,
): Promise<StreamCost[]> {
  const streamed = views.filter(({ source }) => source.stream !== undefined);
  return Promise.all(streamed.map((view) => costOf(view, settings)));
}

async function costOf(view: FeatureView, settings: Pick<Settings, 'folder' | 'vars'>): Promise<StreamCost> {
  const { id, hopUs, latenessUs, features } = view;
  const spans = features.map(({ aggregation }) => aggregation!.windowUs ?? aggregation!.sessionUs);
  const finite = new Set(spans.filter((us) => us !== null));
  const longestUs = spans.includes(null) ? Infinity : Math.max(...finite);
  const values = features.map(({ type }) => (isNumeric(type) ? NUMBER_BYTES : OTHER_BYTES));
  return {
    view: id,
    rowsAnEvent: 1 + finite.size,
    edgesALateEvent: Math.ceil(Math.min(longestUs, latenessUs) / hopUs),
    tilesAnEntity: longestUs === Infinity ? null : longestUs / hopUs,
    onlineBytesAnEntity: values.reduce((sum, bytes) => sum + bytes, HEADER_BYTES + REDIS_BYTES),
    eventsADay: await eventsADay(view, settings),
  };
}

/** @returns the mean of the days that the archive has */
async function eventsADay(
  { source }: FeatureView,
  { folder, vars }: Pick<Settings, 'folder' | 'vars'>,
): Promise<number | null> {
  const path = filledIn(source.path, vars);
  if (typeof path !== 'string' || schemeOf(path) !== null) return null;
  const days = new Set<string>();
  let events = 0;
  const archive = await readTable(localFolder(resolve(folder, path)));
  for (const { path: file, stats } of archive?.files.values() ?? []) {
    if (stats === undefined) continue;
    days.add(/day=([^/]+)/.exec(decodeURIComponent(file))?.[1] ?? '');
    events += (JSON.parse(stats) as FileStats).numRecords;
  }
  return days.size === 0 ? null : Math.round(events / days.size);
}

/** @returns a line each */
export function streamCostTexts(cost: StreamCost): string[] {
  const { rowsAnEvent, edgesALateEvent, tilesAnEntity, onlineBytesAnEntity, eventsADay: events } = cost;
  const tiles =
    tilesAnEntity === null
      ? 'a tile for each hop in which it had events, for all time'
      : `up to ${tilesAnEntity} tiles, ${sizeText(tilesAnEntity * TILE_BYTES)} of state`;
  return [
    `each event changes up to ${rowsAnEvent} rows, a late one up to ${edgesALateEvent}`,
    `an entity takes ${tiles}, and about ${onlineBytesAnEntity} bytes online`,
    ...(events === null
      ? []
      : [
          `the archive got about ${events} events a day: up to ${events * rowsAnEvent} rows of history a day`,
        ]),
  ];
}

/** @returns why a view is too fine for late events; null: it is not */
export function streamWarning(view: FeatureView, { edgesALateEvent }: StreamCost): string | null {
  if (edgesALateEvent <= MOST_EDGES) return null;
  const { id, hopUs, latenessUs } = view;
  return (
    `view ${id}: a late event may rewrite ${edgesALateEvent} edges (hop ${formatDuration(hopUs)}, lateness ` +
    `${formatDuration(latenessUs)}), and should not more than ${MOST_EDGES} in one step: give a longer hop or less lateness`
  );
}

function sizeText(bytes: number): string {
  return bytes < 2 ** 20 ? `${Math.ceil(bytes / 1_024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
