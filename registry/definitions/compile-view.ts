/** Compiles one feature view: its entity, source and times, and its features. */
import { withComputedColumns } from '../../project/engine/duckdb/sources/computed-columns.ts';
import { definitionIdOf } from '../../contract/definitions/definition-json.ts';
import {
  expressionColumns,
  hasExpressions,
  rowSql,
  withSelected,
} from '../../project/engine/duckdb/sources/row-expressions.ts';
import type { RowExpressionFault, Written } from '../../project/engine/duckdb/sources/row-expressions.ts';
import type { Entity, Feature, FeatureView, Source } from '../../contract/model.ts';
import type { SourceFiles } from '../../project/engine/duckdb/sources/source-files.ts';
import { EntityDraft, FeatureDraft, SourceDraft } from '../../contract/definitions/draft.ts';
import type { ViewDraft } from '../../contract/definitions/draft.ts';
import type { CompiledSource } from './compile-stream.ts';
import { compileFeature } from './compile-feature.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import { givenText } from '../../contract/std/given-text.ts';
import { checkOptions, VIEW_OPTIONS } from '../../contract/definitions/option-schemas.ts';
import type { ViewOptionValues } from '../../contract/definitions/option-schemas.ts';
import { faultOfName, isReserved } from '../../contract/definitions/name.ts';
import { columnsName, streamColumns } from './source-columns.ts';
import type { SourceColumns } from './source-columns.ts';
import { columnFit, columnNames, twiceText } from '../../project/engine/duckdb/sources/source-fit.ts';
import type { ColumnFit } from '../../project/engine/duckdb/sources/source-fit.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { OUT_OF_ORDER_US, viewTimes } from './view-times.ts';

const HOUR_US = 3_600_000_000;
/** Of a view over a stream. */
const STREAM_HOP_US = 10_000_000;
const LEAST_STREAM_HOP_US = 1_000_000;

export interface ViewContext {
  /** Null for an entity that has mistakes, which are reported at the entity. */
  readonly entities: ReadonlyMap<string, Entity | null>;
  readonly sources: ReadonlyMap<string, CompiledSource | null>;
  /** The columns of sources, by path. */
  readonly columns: ReadonlyMap<string, SourceColumns>;
  readonly mistakes: Mistakes;
  /** Reports what is not a mistake but may surprise. */
  readonly warn: (message: string) => void;
  /** The views in force, by id. */
  readonly applied: ReadonlyMap<string, FeatureView>;
}

/** @returns the view; null when it has mistakes, which are added to the others */
export function compileView(draft: ViewDraft, context: ViewContext): FeatureView | null {
  const { mistakes } = context;
  const before = mistakes.count;
  const options = checkOptions(VIEW_OPTIONS, `view "${draft.name}"`, draft, mistakes);
  const view = options === null ? null : new ViewCheck(draft, options, context).compile();
  return mistakes.count > before ? null : view;
}

class ViewCheck {
  readonly #draft: ViewDraft;
  readonly #options: ViewOptionValues;
  readonly #context: ViewContext;

  constructor(draft: ViewDraft, options: ViewOptionValues, context: ViewContext) {
    this.#draft = draft;
    this.#options = options;
    this.#context = context;
  }

  compile(): FeatureView | null {
    const before = this.#context.mistakes.count;
    const entity = this.#entity();
    const source = this.#source();
    const kind = this.#kind(source);
    const isStream = source?.stream !== undefined;
    const hopUs = kind === 'aggregated' ? (this.#options.hop ?? (isStream ? STREAM_HOP_US : HOUR_US)) : 0;
    if (kind === 'aggregated' && hopUs === 0) this.#fault('hop', 'hop must be longer than nothing');
    if (isStream) this.#checkOverStream(kind, hopUs);
    if (kind === 'aggregated' && source?.isSnapshot === true)
      this.#fault(
        'source',
        `source "${source.name}" has absent: delete, which says that it is a whole snapshot of rows each time; ` +
          'an aggregated view counts events, which no later one takes back',
      );
    const raw = this.#columns(source);
    if (source !== null && entity !== null) this.#checkColumns(source, entity, raw, kind);
    const rows = this.#rowExpressions();
    const columns = this.#withSelected(rows, raw);
    const features = this.#features(entity, hopUs, source === null ? '' : labelOf(source), columns);
    const outOfOrderUs = isStream ? (source.outOfOrderUs ?? OUT_OF_ORDER_US) : null;
    const times = viewTimes({ kind, hopUs, outOfOrderUs }, this.#options, (option, message) =>
      this.#fault(option, message),
    );
    if (source === null || entity === null || features.length === 0) return null;
    if (this.#context.mistakes.count > before) return null;
    const { version, owner, team, description, tags, deprecated } = this.#options;
    const view = {
      id: this.#draft.id,
      name: this.#draft.name,
      version,
      entity: entity.name,
      source: withoutDraft(source),
      ...rows,
      features,
      ...times,
      owner,
      team,
      description,
      tags,
      deprecated,
    };
    return { ...view, definitionId: definitionIdOf(view, entity.joinKeys) };
  }

  #entity(): Entity | null {
    const given = this.#options.entity;
    const name = given instanceof EntityDraft ? given.name : given;
    if (typeof name !== 'string') return this.#fault('entity', 'needs an entity');
    const entity = this.#context.entities.get(name);
    if (entity !== undefined) return entity;
    return this.#unknownName(
      'entity',
      `there is no entity "${name}"${didYouMean(name, this.#context.entities.keys())}`,
    );
  }

  #source(): CompiledSource | null {
    const given = this.#options.source;
    const name = given instanceof SourceDraft ? given.name : given;
    if (typeof name !== 'string') return this.#fault('source', 'needs a source');
    const source = this.#context.sources.get(name);
    if (source !== undefined) return source;
    return this.#unknownName(
      'source',
      `there is no source "${name}"${didYouMean(name, this.#context.sources.keys())}`,
    );
  }

  /** Rows of a stream are events, and an event by itself is no row of an entity. */
  #checkOverStream(kind: FeatureView['kind'], hopUs: number): void {
    if (kind === 'stored') {
      const [name = 'x'] = Object.keys(this.#options.features);
      const message = `a view over a stream is aggregated: agg.last('${name}').lifetime() keeps the newest value`;
      this.#fault('features', message);
    } else if (hopUs > 0 && hopUs < LEAST_STREAM_HOP_US)
      this.#fault('hop', `hop ${formatDuration(hopUs)}: over a stream it is at least 1s`);
    if (this.#options.watermark === 'cutoff')
      this.#fault('watermark', 'the watermark of a stream follows its events; leave it out');
  }

  #columns(source: CompiledSource | null): SourceColumns {
    const read =
      source === null ? undefined : (streamColumns(source) ?? this.#context.columns.get(columnsName(source)));
    // A source that was not read has a mistake, which is reported at the source.
    return read ?? { unreadable: 'its source has a mistake', missing: true };
  }

  #rowExpressions(): Written {
    const select = Object.entries(this.#options.select).map(([name, expression]) => ({ name, expression }));
    for (const { name } of select) {
      const fault = isReserved(name)
        ? `"${name}" has the name of a column of the history; choose another`
        : faultOfName('column', name);
      if (fault !== null) this.#fault(['select', name], `select: ${fault}`);
    }
    return { where: this.#options.where ?? null, select };
  }

  /** @returns the columns that features may read: the source's and those that `select` computes */
  #withSelected(rows: Written, columns: SourceColumns): SourceColumns {
    if (!hasExpressions(rows)) return columns;
    if ('unreadable' in columns) {
      const option = rows.where === null ? 'select' : 'where';
      this.#fault(option, `${option}: the columns of its source are not known: ${columns.unreadable}`);
      return columns;
    }
    const faults: RowExpressionFault[] = [];
    const computed = rowSql(rows, expressionColumns(columns.union), faults);
    for (const { option, message } of faults) this.#fault(option, `${option.join('.')}: ${message}`);
    const { files, union } = columns;
    return { files: withComputedColumns(files, rows), union: withSelected(union, computed) };
  }

  #kind(source: CompiledSource | null): FeatureView['kind'] {
    const drafts = Object.entries(this.#options.features).filter(([, f]) => f instanceof FeatureDraft);
    const aggregated = drafts.filter(([, f]) => (f as FeatureDraft).options['agg'] !== undefined);
    if (aggregated.length > 0 && aggregated.length < drafts.length) {
      const stored = drafts.find((entry) => !aggregated.includes(entry))![0];
      this.#fault(
        'features',
        `mixes aggregates with stored features ("${stored}" has no agg); make two views of it`,
      );
    }
    if (aggregated.length > 0) return 'aggregated';
    return source?.isSnapshot === true ? 'snapshot' : 'stored';
  }

  #features(entity: Entity | null, hopUs: number, sourcePath: string, columns: SourceColumns): Feature[] {
    const features: Feature[] = [];
    const entries = Object.entries(this.#options.features);
    if (entries.length === 0) this.#fault('features', 'has no features');
    const taken = new Map<string, string>();
    for (const [name, draft] of entries) {
      const fault = this.#nameFault(name, entity, taken);
      taken.set(name.toLowerCase(), name);
      if (fault !== null) this.#fault(['features', name], fault);
      else if (!(draft instanceof FeatureDraft)) {
        this.#fault(
          ['features', name],
          `feature "${name}": expected a type or an aggregate, got ${givenText(draft)}`,
        );
      } else {
        const { place } = this.#draft;
        const before = this.#context.applied.get(this.#draft.id)?.features.find((one) => one.name === name);
        const context = {
          applied: before?.aggregation ?? null,
          view: this.#draft.name,
          hopUs,
          sourcePath,
          columns,
          mistakes: this.#context.mistakes,
          warn: this.#context.warn,
        };
        const feature = compileFeature(name, draft, place, context);
        if (feature !== null) features.push(feature);
      }
    }
    return features;
  }

  /** To engines, names that differ only in case are the same. */
  #nameFault(name: string, entity: Entity | null, taken: ReadonlyMap<string, string>): string | null {
    const lower = name.toLowerCase();
    if (isReserved(name)) return `feature "${name}" has the name of a column of the history; choose another`;
    const key = entity?.joinKeys.find((one) => one.name.toLowerCase() === lower);
    if (key !== undefined)
      return `feature "${name}" has the name of a join key${key.name === name ? '' : `, "${key.name}", but for case`}`;
    if (taken.has(lower))
      return `features "${taken.get(lower)!}" and "${name}" differ only in case, which makes them one to an engine`;
    return faultOfName('feature', name);
  }

  #checkColumns(
    source: CompiledSource,
    entity: Entity,
    columns: SourceColumns,
    kind: FeatureView['kind'],
  ): void {
    if ('unreadable' in columns) {
      if (!this.#context.columns.has(columnsName(source))) return;
      const features = Object.values(this.#options.features);
      const needsTypes =
        kind === 'aggregated' &&
        features.some((f) => f instanceof FeatureDraft && f.options['column'] !== undefined);
      // Warns once per view, however many of its features miss the type of their column.
      if (columns.missing && !needsTypes) this.#warn(columns.unreadable);
      else this.#fault('source', columns.unreadable);
      return;
    }
    const read = { path: labelOf(source), files: columns.files };
    for (const [option, column] of [
      ['eventTime', source.eventTime],
      ['createdTime', source.createdTime],
    ] as const) {
      // Those of a stream are checked with the stream.
      if (column === null || source.stream !== undefined) continue;
      const fit = columnFit(columns.files, column, { kind: 'timestamp' });
      this.#takeFit(fit, () =>
        fit.state === 'misfit'
          ? `${option} "${column}" of source ${source.path} should be a time, but is ${fit.types}`
          : columnFault(fit, column, ` (${option})`, read),
      );
    }
    for (const key of entity.joinKeys) {
      const fit = columnFit(columns.files, key.name, { kind: key.type });
      this.#takeFit(fit, () =>
        fit.state === 'misfit'
          ? `join key "${key.name}" is ${key.type}, but the column of source ${read.path} is ${fit.types}`
          : columnFault(fit, key.name, `, a join key of entity "${entity.name}"`, read),
      );
    }
  }

  #takeFit({ state, warnings }: ColumnFit, faultText: () => string): void {
    if (state === 'fits') for (const warning of warnings) this.#warn(warning);
    else this.#fault('source', faultText());
  }

  #warn(message: string): void {
    this.#context.warn(`view "${this.#draft.name}": ${message}`);
  }

  #unknownName(option: string, message: string): null {
    this.#context.mistakes.addUnknownName(
      this.#draft.place,
      [option],
      `view "${this.#draft.name}": ${message}`,
    );
    return null;
  }

  #fault(option: string | readonly string[], message: string): null {
    const path = typeof option === 'string' ? [option] : option;
    this.#context.mistakes.add(this.#draft.place, path, `view "${this.#draft.name}": ${message}`);
    return null;
  }
}

/** What messages call a source: people know files by their path, and a stream by its name. */
function labelOf({ name, path, stream }: CompiledSource): string {
  return stream === undefined ? path : name;
}

function withoutDraft(compiled: CompiledSource): Source {
  const { outOfOrderUs: _, isSnapshot: _isSnapshot, ...source } = compiled;
  return source;
}

/** @param role  what the view uses the column for, in the words that follow the column's name in a sentence */
function columnFault(
  { state, types }: ColumnFit,
  column: string,
  role: string,
  source: { readonly path: string; readonly files: SourceFiles },
): string {
  if (state === 'twice') return twiceText(source.path, types);
  const near = didYouMean(column, columnNames(source.files));
  return `source ${source.path} has no column "${column}"${role}${near}`;
}
