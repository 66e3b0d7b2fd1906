/** One feature view: its entity, source and times, and its features. */
import { formatDuration } from '../std/duration.ts';
import { definitionIdOf } from '../definition-json.ts';
import { usualFreshnessUs } from '../definition-meaning.ts';
import { RESERVED_COLUMNS } from '../history.ts';
import type { Entity, Feature, FeatureView, Source } from '../model.ts';
import { modelTypeOfColumn } from '../source-schema.ts';
import { EntityDraft, FeatureDraft, SourceDraft } from './draft.ts';
import type { ViewDraft } from './draft.ts';
import { compileFeature } from './compile-feature.ts';
import { didYouMean } from './mistake.ts';
import type { Mistakes } from './mistake.ts';
import { checkOptions, VIEW_OPTIONS } from './option-schemas.ts';
import type { ViewOptionValues } from './option-schemas.ts';
import { faultOfName } from './name.ts';
import type { SourceColumns } from './source-columns.ts';

const HOUR_US = 3_600_000_000;
const DAY_US = 24 * HOUR_US;

export interface ViewContext {
  /** Null where the definition itself has mistakes, which are reported there. */
  readonly entities: ReadonlyMap<string, Entity | null>;
  readonly sources: ReadonlyMap<string, Source | null>;
  /** By path. */
  readonly columns: ReadonlyMap<string, SourceColumns>;
  readonly mistakes: Mistakes;
}

/** @returns the view, or null when it has mistakes, which are then added */
export function compileView(draft: ViewDraft, context: ViewContext): FeatureView | null {
  const { mistakes } = context;
  const before = mistakes.count;
  const options = checkOptions(VIEW_OPTIONS, `view "${draft.name}"`, draft.options, draft.place, mistakes);
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
    const entity = this.#entity();
    const source = this.#source();
    const kind = this.#kind();
    const hopUs = kind === 'aggregated' ? (this.#options.hop ?? HOUR_US) : 0;
    if (kind === 'aggregated' && hopUs === 0) this.#fault('hop', 'hop must be longer than nothing');
    const columns = this.#columns(source);
    if (source !== null && entity !== null) this.#checkColumns(source, entity, columns);
    const features = this.#features(entity, hopUs, source?.path ?? '', columns);
    const times = this.#times(kind, hopUs);
    if (source === null || entity === null || features.length === 0) return null;
    const { version, owner, team, description, tags, deprecated } = this.#options;
    const view = {
      id: this.#draft.id,
      name: this.#draft.name,
      version,
      entity: entity.name,
      source,
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
    return this.#fault(
      'entity',
      `there is no entity "${name}"${didYouMean(name, this.#context.entities.keys())}`,
    );
  }

  #source(): Source | null {
    const given = this.#options.source;
    const name = given instanceof SourceDraft ? given.name : given;
    if (typeof name !== 'string') return this.#fault('source', 'needs a source');
    const source = this.#context.sources.get(name);
    if (source !== undefined) return source;
    return this.#fault(
      'source',
      `there is no source "${name}"${didYouMean(name, this.#context.sources.keys())}`,
    );
  }

  #columns(source: Source | null): SourceColumns {
    if (source === null) return { unreadable: 'its source has a mistake' };
    return this.#context.columns.get(source.path) ?? { unreadable: `source ${source.path} was not read` };
  }

  #kind(): FeatureView['kind'] {
    const drafts = Object.entries(this.#options.features).filter(([, f]) => f instanceof FeatureDraft);
    const aggregated = drafts.filter(([, f]) => (f as FeatureDraft).options['agg'] !== undefined);
    if (aggregated.length > 0 && aggregated.length < drafts.length) {
      const stored = drafts.find((entry) => !aggregated.includes(entry))![0];
      this.#fault(
        'features',
        `mixes aggregates with stored features ("${stored}" has no agg); make two views of it`,
      );
    }
    return aggregated.length > 0 ? 'aggregated' : 'stored';
  }

  #features(entity: Entity | null, hopUs: number, sourcePath: string, columns: SourceColumns): Feature[] {
    const features: Feature[] = [];
    const entries = Object.entries(this.#options.features);
    if (entries.length === 0) this.#fault('features', 'has no features');
    for (const [name, draft] of entries) {
      const fault = this.#nameFault(name, entity);
      if (fault !== null) this.#fault(['features', name], fault);
      else if (!(draft instanceof FeatureDraft)) {
        this.#fault(
          ['features', name],
          `feature "${name}": expected a type or an aggregate, got ${JSON.stringify(draft)}`,
        );
      } else {
        const { place } = this.#draft;
        const context = {
          view: this.#draft.name,
          hopUs,
          sourcePath,
          columns,
          mistakes: this.#context.mistakes,
        };
        const feature = compileFeature(name, draft, place, context);
        if (feature !== null) features.push(feature);
      }
    }
    return features;
  }

  #nameFault(name: string, entity: Entity | null): string | null {
    if (RESERVED_COLUMNS.includes(name))
      return `feature "${name}" has the name of a column of the history; choose another`;
    if (entity?.joinKeys.some((key) => key.name === name))
      return `feature "${name}" has the name of a join key`;
    return faultOfName('feature', name);
  }

  #times(kind: FeatureView['kind'], hopUs: number) {
    const { ttl, hop, delay, schedule, freshness, lateness } = this.#options;
    const stored = kind === 'stored';
    if (!stored && ttl !== undefined)
      this.#fault('ttl', 'an aggregated view has no ttl: its windows say how old events may be');
    if (stored && hop !== undefined)
      this.#fault('hop', 'a stored view has no hop: nothing is aggregated here');
    const delayUs = delay ?? 0;
    const times = { kind, ttlUs: ttl ?? null, hopUs, delayUs, scheduleUs: schedule ?? null };
    const freshnessUs = freshness ?? usualFreshnessUs(times);
    if (!stored && freshnessUs < hopUs + delayUs) {
      const least = formatDuration(hopUs + delayUs);
      this.#fault(
        'freshness',
        `freshness ${formatDuration(freshnessUs)} cannot be kept: hop and delay together take ${least}, the smallest value allowed`,
      );
    }
    return {
      ...times,
      freshnessUs,
      latenessUs: lateness ?? DAY_US,
    };
  }

  #checkColumns(source: Source, entity: Entity, columns: SourceColumns): void {
    if ('unreadable' in columns) return;
    const missing = (column: string): boolean => !columns.has(column);
    for (const [option, column] of [
      ['eventTime', source.eventTime],
      ['createdTime', source.createdTime],
    ] as const) {
      if (column === null) continue;
      if (missing(column))
        this.#fault(
          'source',
          `source ${source.path} has no column "${column}" (${option})${didYouMean(column, columns.keys())}`,
        );
      else if (modelTypeOfColumn(columns.get(column)!)?.kind !== 'timestamp') {
        this.#fault(
          'source',
          `${option} "${column}" of source ${source.path} should be a time, but is ${columns.get(column)!}`,
        );
      }
    }
    for (const key of entity.joinKeys) {
      if (missing(key.name)) {
        this.#fault(
          'source',
          `source ${source.path} has no column "${key.name}", a join key of entity "${entity.name}"${didYouMean(key.name, columns.keys())}`,
        );
        continue;
      }
      const type = modelTypeOfColumn(columns.get(key.name)!)?.kind;
      if (type !== key.type && !(type === 'int32' && key.type === 'int64')) {
        this.#fault(
          'source',
          `join key "${key.name}" is ${key.type}, but the column of source ${source.path} is ${columns.get(key.name)!}`,
        );
      }
    }
  }

  #fault(option: string | readonly string[], message: string): null {
    const path = typeof option === 'string' ? [option] : option;
    this.#context.mistakes.add(this.#draft.place, path, `view "${this.#draft.name}": ${message}`);
    return null;
  }
}
