/**
 * Whether a view can be read from its source and computed: columns there, types that fit, functions that exist.
 * Reads footers only. Called before every computation, so that no run fails half-way on a schema.
 */
import type { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import {
  expressionMistakes,
  withComputedColumns,
} from '../../project/engine/duckdb/sources/computed-columns.ts';
import {
  isOfEvents,
  OF_SESSIONS,
  resultType,
  takenBy,
  takesColumn,
} from '../../contract/aggregation/result-type.ts';
import type { Aggregation, Entity, Feature, FeatureView } from '../../contract/model.ts';
import {
  columnFit,
  columnNames,
  columnsNamed,
  twiceText,
} from '../../project/engine/duckdb/sources/source-fit.ts';
import { readSource } from '../../project/engine/duckdb/sources/archive-files.ts';
import type { SourceFiles } from '../../project/engine/duckdb/sources/source-files.ts';
import { formatType, isNumeric } from '../../contract/value-type.ts';
import type { ValueType } from '../../contract/value-type.ts';
import { materializerError } from '../errors.ts';
import { eventRows } from './event-rows.ts';
import type { EventRows } from './event-rows.ts';

/** The greatest power of ten that a double holds exactly. */
const SCALE_MAX = 22;

/**
 * @returns the source's events, read file by file
 * @throws REG_SOURCE (no file, no Parquet), MAT_SOURCE (columns), MAT_AGGREGATION (definition); each names every
 *         mistake of its kind
 */
export async function checkSource(
  duck: DuckDb,
  folder: string,
  view: FeatureView,
  entity: Entity,
): Promise<EventRows> {
  checkAggregations(view);
  const source = await readSource(duck, folder, view.source);
  const { eventTime, createdTime } = view.source;
  const computed = withComputedColumns(source, view);
  const mistakes = [
    ...expressionMistakes(source, view).map(({ option, message }) => `${option.join('.')}: ${message}`),
    ...entity.joinKeys.map((key) => columnMistake(source, key.name, { kind: key.type }, 'the join key')),
    columnMistake(source, eventTime, { kind: 'timestamp' }, 'the event time'),
    createdTime === null
      ? null
      : columnMistake(source, createdTime, { kind: 'timestamp' }, 'the created time'),
    ...view.features.map((feature) => featureColumnMistake(computed, feature)),
  ].filter((mistake) => mistake !== null);
  if (mistakes.length > 0) {
    throw materializerError(
      'MAT_SOURCE',
      `view ${view.id} cannot be read from its source ${view.source.path}: ${[...new Set(mistakes)].join('; ')}`,
      { field: view.source.name },
    );
  }
  return eventRows(source, view, entity);
}

function featureColumnMistake(source: SourceFiles, { name, aggregation: a }: Feature): string | null {
  if (a === null || a.column === null) return null;
  if (a.function !== 'count' && a.columnType !== null)
    return columnMistake(source, a.column, a.columnType, `what ${name} aggregates`);
  return columnsNamed(source, a.column).length > 0 ? null : missing(source, a.column, `what ${name} counts`);
}

/** Types that fit some rows only are no mistake: the others are refused one by one. */
function columnMistake(source: SourceFiles, name: string, wanted: ValueType, role: string): string | null {
  const { state, types } = columnFit(source, name, wanted);
  if (state === 'missing') return missing(source, name, role);
  if (state === 'twice') return twiceText(source.path, types);
  return state === 'fits'
    ? null
    : `column ${name} (${role}) should be ${formatType(wanted)}, but is ${types}`;
}

function missing(source: SourceFiles, name: string, role: string): string {
  return `there is no column ${name} (${role}); it has ${columnNames(source).join(', ')}`;
}

/**
 * Checks the aggregations of a view without looking at data. A stored view has none and passes.
 * @throws MAT_AGGREGATION
 */
export function checkAggregations(view: FeatureView): void {
  const mistakes = view.features.flatMap((feature) => {
    if (feature.aggregation === null) return [];
    const mistake = aggregationMistake(feature, feature.aggregation, view.hopUs);
    return mistake === null ? [] : [`${view.id}__${feature.name}: ${mistake}`];
  });
  if (mistakes.length > 0) throw materializerError('MAT_AGGREGATION', mistakes.join('; '));
}

function aggregationMistake(feature: Feature, a: Aggregation, hopUs: number): string | null {
  if (a.windowUs !== null && (a.windowUs <= 0 || a.windowUs % hopUs !== 0)) {
    return `its window of ${a.windowUs} us is no whole number of hops of ${hopUs} us`;
  }
  if (a.sessionUs !== null && (a.sessionUs <= 0 || a.sessionUs % hopUs !== 0))
    return `its session's gap of ${a.sessionUs} us is no whole number of hops of ${hopUs} us`;
  if (a.sessionUs === null ? a.function === 'duration' : !OF_SESSIONS.includes(a.function))
    return `${a.function} is not computed over ${a.sessionUs === null ? 'a window' : 'a session'}`;
  if (isOfEvents(a.function)) return resultMistake(feature, { kind: 'int64' });
  if (a.column === null || a.columnType === null) return `${a.function} needs a column`;
  if (!takesColumn(a.function, a.columnType)) {
    const wanted = takenBy(a.function) === 'numbers' ? 'a number' : 'a single value';
    return `${a.function} needs ${wanted}, but ${a.column} is ${formatType(a.columnType)}`;
  }
  if (!Number.isInteger(a.scale) || a.scale < 0 || a.scale > SCALE_MAX) {
    return `its scale should be a whole number from 0 to ${SCALE_MAX}, got ${a.scale}`;
  }
  return resultMistake(feature, resultType(a.function, a.columnType));
}

/** A feature's own type may be another number type, but never one that would round a fraction away. */
function resultMistake(feature: Feature, natural: ValueType): string | null {
  const whole = natural.kind === 'int32' || natural.kind === 'int64';
  const fits = isNumeric(natural)
    ? isNumeric(feature.type) && (whole || feature.type.kind === 'float32' || feature.type.kind === 'float64')
    : formatType(natural) === formatType(feature.type);
  return fits ? null : `it gives ${formatType(natural)}, which does not fit ${formatType(feature.type)}`;
}
