/** Compiles one feature of a view: its type, its aggregation, its fallback. */
import { formatDuration } from '../../contract/std/duration.ts';
import {
  isOfEvents,
  OF_SESSIONS,
  resultType,
  takenBy,
  takesColumn,
} from '../../contract/aggregation/result-type.ts';
import type { AggregateFunction, Aggregation, Feature } from '../../contract/model.ts';
import { exactCast } from '../../project/engine/duckdb/sources/exact-cast.ts';
import type { SourceFiles } from '../../project/engine/duckdb/sources/source-files.ts';
import {
  formatSourceType,
  isWhole,
  modelTypeOf,
  parseSourceType,
} from '../../project/engine/duckdb/sources/source-type.ts';
import type { SourceType } from '../../project/engine/duckdb/sources/source-type.ts';
import { formatType, isNumeric } from '../../contract/value-type.ts';
import type { ValueType } from '../../contract/value-type.ts';
import type { FeatureDraft, Place } from '../../contract/definitions/draft.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import { checkOptions, FEATURE_OPTIONS } from '../../contract/definitions/option-schemas.ts';
import type { FeatureOptionValues } from '../../contract/definitions/option-schemas.ts';
import { typeNamed, valuedOptions } from './feature-values.ts';
import type { SourceColumns } from './source-columns.ts';
import {
  columnFit,
  columnNames,
  columnsNamed,
  twiceText,
} from '../../project/engine/duckdb/sources/source-fit.ts';

/** What a feature is checked against. */
interface FeatureContext {
  readonly view: string;
  readonly hopUs: number;
  readonly sourcePath: string;
  readonly columns: SourceColumns;
  /** The feature's aggregation in force; null: it has none. */
  readonly applied: Aggregation | null;
  readonly mistakes: Mistakes;
  readonly warn: (message: string) => void;
}

/** @returns the feature; null when it has mistakes, which are added to the others */
export function compileFeature(
  name: string,
  draft: FeatureDraft,
  place: Place,
  context: FeatureContext,
): Feature | null {
  const what = whatOf(name, context);
  const at = relativePlace(draft, place, name);
  const before = context.mistakes.count;
  const options = checkOptions(
    FEATURE_OPTIONS,
    what,
    { options: draft.options, place: at },
    context.mistakes,
  );
  if (options === null || (options.agg === undefined && draft.options['agg'] !== undefined)) return null;
  const check = new FeatureCheck(name, options, at, context);
  // One that does not fit is left out of the options, and told already.
  if (options.agg !== undefined && context.mistakes.count === before) check.checkParameters(options.agg);
  const feature = options.agg === undefined ? check.stored() : check.aggregated(options.agg);
  return context.mistakes.count > before ? null : feature;
}

/** The name of the feature in messages. */
function whatOf(name: string, { view }: FeatureContext): string {
  return `feature "${name}" of view "${view}"`;
}

function relativePlace(draft: FeatureDraft, place: Place, name: string): Place {
  return draft.place ?? { file: place.file, lineOf: (path) => place.lineOf(['features', name, ...path]) };
}

/** Options of one aggregation alone, with what one may write. */
const PARAMETERS = [
  ['n', 'lastN', '10'],
  ['percentile', 'approxPercentile', '0.95'],
] as const;

class FeatureCheck {
  readonly #name: string;
  readonly #what: string;
  readonly #options: FeatureOptionValues;
  readonly #place: Place;
  readonly #context: FeatureContext;

  constructor(name: string, options: FeatureOptionValues, place: Place, context: FeatureContext) {
    this.#name = name;
    this.#what = whatOf(name, context);
    this.#options = options;
    this.#place = place;
    this.#context = context;
  }

  stored(): Feature | null {
    const { type: text, column } = this.#options;
    for (const option of ['window', 'session'] as const) {
      if (this.#options[option] !== undefined) this.#fault(option, `has "${option}" but no "agg"`);
    }
    if (text === undefined) this.#fault('', 'needs a type, or an agg over raw events');
    const type = text === undefined ? null : this.#parseType(text);
    if (type !== null) this.#columnHolds(column ?? this.#name, type);
    return type === null ? null : this.#feature(type, column === this.#name ? null : (column ?? null), null);
  }

  aggregated(agg: AggregateFunction): Feature | null {
    const { column, window, session } = this.#options;
    this.#checkWindow('window', window);
    this.#checkSession(agg);
    if (column === undefined && !isOfEvents(agg)) return this.#fault('agg', `${agg} needs a column`);
    const columnType = column === undefined ? null : this.#columnType(column, agg);
    if (column !== undefined && columnType === null) return null;
    const natural = resultType(agg, columnType);
    const type = this.#options.type === undefined ? natural : this.#parseType(this.#options.type);
    if (type === null) return null;
    if (formatType(type) !== formatType(natural) && !(isNumeric(type) && isNumeric(natural))) {
      this.#fault('type', `${agg} gives ${formatType(natural)}, which cannot be held as ${formatType(type)}`);
    }
    const { scale, n, percentile } = this.#options;
    const aggregation = {
      function: agg,
      column: column ?? null,
      columnType,
      windowUs: window ?? null,
      sessionUs: session ?? null,
      scale,
      n,
      percentile,
    };
    return this.#feature(type, null, aggregation);
  }

  /** What belongs to one aggregation alone: it needs that, and others have no use for it. */
  checkParameters(agg: AggregateFunction): void {
    for (const [option, owner, example] of PARAMETERS) {
      const given = this.#options[option] !== 0;
      if (agg === owner && !given)
        this.#fault('agg', `${agg} needs ${option}, such as ${option}: ${example}`);
      if (agg !== owner && given) this.#fault(option, `${option} is of ${owner}; ${agg} has none`);
    }
  }

  #feature(type: ValueType, column: string | null, aggregation: Aggregation | null): Feature {
    const valued = valuedOptions(type, this.#options, (option, message) => this.#fault(option, message));
    return { name: this.#name, column, type, log: this.#options.log, ...valued, aggregation };
  }

  #parseType(text: string): ValueType | null {
    const type = typeNamed(text);
    if (typeof type !== 'string') return type;
    return this.#fault('type', type);
  }

  /** A session is a window of its own kind, and few aggregations have it. */
  #checkSession(agg: AggregateFunction): void {
    const { session, window, column } = this.#options;
    if (agg === 'duration' && column !== undefined)
      this.#fault('column', 'duration is of the session, not of a column');
    if (session === undefined) {
      if (agg === 'duration') this.#fault('agg', 'duration needs a session, such as session: 30m');
      return;
    }
    if (window !== undefined) this.#fault('session', 'has a window and a session: one of them is enough');
    if (!OF_SESSIONS.includes(agg))
      this.#fault('session', `${agg} is not computed over sessions; ${OF_SESSIONS.join(', ')} are`);
    this.#checkWindow('session', session);
  }

  #checkWindow(option: 'window' | 'session', windowUs: number | undefined): void {
    if (windowUs === undefined || this.#context.hopUs === 0) return;
    const { hopUs } = this.#context;
    if (windowUs > 0 && windowUs % hopUs === 0) return;
    const near = Math.max(1, Math.round(windowUs / hopUs)) * hopUs;
    const window = formatDuration(windowUs);
    this.#fault(
      option,
      `${option} ${window} is no whole number of hops of ${formatDuration(hopUs)}; ${formatDuration(near)} is`,
    );
  }

  #columnType(column: string, agg: AggregateFunction): ValueType | null {
    const { columns, sourcePath } = this.#context;
    // That the type is unknown is reported once for the whole view.
    if ('unreadable' in columns) return null;
    const found = columnsNamed(columns.files, column);
    const twice = found.find((group) => group.columns.length > 1);
    if (twice !== undefined) {
      return this.#fault(
        'column',
        twiceText(sourcePath, twice.columns.map((c) => `"${c.name}"`).join(' and ')),
      );
    }
    if (found.length === 0) {
      const known = columnNames(columns.files);
      return this.#fault(
        'column',
        `source ${sourcePath} has no column "${column}"${didYouMean(column, known) || `; it has ${known.join(', ')}`}`,
      );
    }
    const types = found.map((group) => group.columns[0]!.type);
    const own = types.filter((one) => formatSourceType(one) !== 'null');
    if (own.length === 0 && agg !== 'count')
      return this.#fault('column', `column "${column}" holds nothing but nulls: its type is not known`);
    const duckType = formatSourceType(own.find((one) => modelTypeOf(one) === null) ?? own[0] ?? types[0]!);
    const type = this.#keptType(column, columns.files, own, this.#unitedType(column, columns.union, own));
    if (takesColumn(agg, type)) return type ?? { kind: 'string' };
    return this.#fault('agg', `${agg} takes ${takenBy(agg)}, but column "${column}" is ${duckType}`);
  }

  /**
   * A new file alone must not change a column's type. The applied type stays as long as the files have values that fit
   * it, unless the common type of all files holds every value of each file, as int64 does after int32.
   */
  #keptType(
    column: string,
    files: SourceFiles,
    types: readonly SourceType[],
    united: ValueType | null,
  ): ValueType | null {
    const { applied } = this.#context;
    if (applied === null || applied.columnType === null || applied.column !== column) return united;
    if (applied.function === 'count') return united;
    const kept = applied.columnType;
    if (united !== null && formatType(united) === formatType(kept)) return kept;
    const holdsAll = (type: ValueType): boolean =>
      types.every((one) => exactCast(one, type, 'x').fit === 'all');
    if (united !== null && holdsAll(united)) return united;
    const { state, warnings } = columnFit(files, column, kept);
    if (state !== 'fits') return united;
    for (const warning of warnings) this.#context.warn(`${this.#what}: ${warning}`);
    return kept;
  }

  /** The common type of all files; null: the model has no such type. */
  #unitedType(
    column: string,
    union: ReadonlyMap<string, string>,
    types: readonly SourceType[],
  ): ValueType | null {
    if (new Set(types.map(formatSourceType)).size === 1) return modelTypeOf(types[0]!);
    // For an integer beside a decimal of many digits engines choose double, although both are whole numbers.
    if (types.every(isWhole)) {
      const models = types.map((one) => modelTypeOf(one)?.kind);
      if (models.every((kind) => kind === 'int32')) return { kind: 'int32' };
      if (models.some((kind) => kind === 'int32' || kind === 'int64')) return { kind: 'int64' };
    }
    if (types.some((one) => modelTypeOf(one) === null)) return null;
    const name = [...union.keys()].find((one) => one.toLowerCase() === column.toLowerCase());
    return name === undefined ? null : modelTypeOf(parseSourceType(union.get(name)!));
  }

  /** Checks that the source's column can hold a stored feature; an unreadable source is reported by the view. */
  #columnHolds(column: string, type: ValueType): void {
    const { columns, sourcePath } = this.#context;
    if ('unreadable' in columns) return;
    const { state, types, warnings } = columnFit(columns.files, column, type);
    if (state === 'missing') {
      const near = didYouMean(column, columnNames(columns.files));
      this.#fault('', `source ${sourcePath} has no column "${column}"${near}`);
    } else if (state === 'twice') this.#fault('', twiceText(sourcePath, types));
    else if (state === 'misfit')
      this.#fault('type', `column "${column}" is ${types}, which does not fit ${formatType(type)}`);
    for (const warning of warnings) this.#context.warn(`${this.#what}: ${warning}`);
  }

  #fault(option: string, message: string): null {
    this.#context.mistakes.add(this.#place, option === '' ? [] : [option], `${this.#what}: ${message}`);
    return null;
  }
}
