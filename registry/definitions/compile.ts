/**
 * Compiles definition files into the model. Everything is checked before anything is reported, so that one run names
 * all mistakes. `compileProject` first reads the definitions (load.ts) and the columns of their sources
 * (source-columns.ts); everything after that is pure, but for the schema files of streams.
 */
import { compareBytes } from '../../contract/std/canonical-json.ts';
import type { Definitions, Entity, FeatureService, FeatureView, OnDemandView } from '../../contract/model.ts';
import type { Settings } from '../../project/settings/settings.ts';
import type { KeyType } from '../../contract/value-type.ts';
import { fieldOf } from '../../contract/wire/online/online-layout.ts';
import {
  EntityDraft,
  FeatureDraft,
  InlineSourceDraft,
  OnDemandDraft,
  ServiceDraft,
  SourceDraft,
  ViewDraft,
} from '../../contract/definitions/draft.ts';
import type { Draft } from '../../contract/definitions/draft.ts';
import type { ReadCode } from '../code/read-code.ts';
import { compileOnDemandViews } from './compile-on-demand.ts';
import { compileSource, hasProtoFile, placeOf } from './compile-source.ts';
import type { CompiledSource, StreamContext } from './compile-stream.ts';
import { compileService } from './compile-service.ts';
import { compileView } from './compile-view.ts';
import type { ViewContext } from './compile-view.ts';
import { loadDrafts } from './load.ts';
import { Mistakes } from '../../contract/definitions/mistake.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { faultOfName, isReserved } from '../../contract/definitions/name.ts';
import { checkOptions, ENTITY_OPTIONS } from '../../contract/definitions/option-schemas.ts';
import { checkVariables } from './check-variables.ts';
import { checkSuccessors } from './deprecations.ts';
import { readSourceColumns } from './source-columns.ts';

const KEY_TYPES: readonly string[] = ['string', 'int32', 'int64'] satisfies KeyType[];

/**
 * @param warn     called with what is not a mistake but may surprise
 * @param applied  the views in force, by id: a column keeps the type that they gave it while the files still fit it
 * @throws REG_DEFINITIONS with every mistake of the project
 */
export async function compileProject(
  settings: Pick<Settings, 'folder' | 'definitions'> & Partial<Pick<Settings, 'vars' | 'elsewhere'>>,
  warn: (message: string) => void = () => {},
  applied: ReadonlyMap<string, FeatureView> = new Map(),
): Promise<Definitions> {
  const mistakes = new Mistakes(settings.folder);
  const drafts = await loadDrafts(settings.folder, settings.definitions, mistakes);
  const sources = drafts.filter((d) => d instanceof SourceDraft).concat(inlineSources(drafts));
  const { vars = {} } = settings;
  checkVariables(new Set([...drafts, ...sources]), vars, mistakes);
  const columns = await readSourceColumns(
    settings.folder,
    vars,
    sources.flatMap((d) => placeOf(d) ?? []),
    settings.elsewhere,
  );
  const codes = await readCodes(drafts, settings.folder, mistakes);
  const schemas = { folder: settings.folder, protoFields: await protoReader(sources) };
  const definitions = compileDrafts(drafts, { columns, codes, schemas, mistakes, warn, applied });
  if (mistakes.count > 0) throw mistakes.toError();
  return definitions;
}

type Codes = ReadonlyMap<OnDemandDraft, ReadCode | null>;

/** Reads the functions of on-demand views. A project without them does not load what parses and bundles code. */
async function readCodes(drafts: readonly Draft[], folder: string, mistakes: Mistakes): Promise<Codes> {
  const codes = new Map<OnDemandDraft, ReadCode | null>();
  const computed = drafts.filter((draft) => draft instanceof OnDemandDraft);
  if (computed.length === 0) return codes;
  const { readCode } = await import('../code/read-code.ts');
  for (const draft of computed) codes.set(draft, await readCode(draft, folder, mistakes));
  return codes;
}

/** A project without .proto files does not load what parses them. */
async function protoReader(sources: readonly SourceDraft[]): Promise<StreamContext['protoFields']> {
  if (!sources.some(hasProtoFile)) return null;
  return (await import('./schema/proto-fields.ts')).protoFields;
}

function inlineSources(drafts: readonly Draft[]): SourceDraft[] {
  return drafts.flatMap((d) =>
    d instanceof ViewDraft && d.options['source'] instanceof SourceDraft ? [d.options['source']] : [],
  );
}

/** @returns the valid definitions; incomplete when mistakes were added */
function compileDrafts(
  drafts: readonly Draft[],
  {
    columns,
    codes,
    schemas,
    mistakes,
    warn,
    applied,
  }: Pick<ViewContext, 'columns' | 'mistakes' | 'warn' | 'applied'> & {
    readonly codes: Codes;
    readonly schemas: Omit<StreamContext, 'mistakes'>;
  },
): Definitions {
  const unique = new UniqueNames(mistakes);
  const of = <D extends Draft>(kind: new (...args: never[]) => D): D[] =>
    drafts.filter((d): d is D => d instanceof kind);
  const entities = new Map<string, Entity | null>();
  for (const draft of of(EntityDraft)) {
    if (unique.take('entity', draft.name, draft)) entities.set(draft.name, compileEntity(draft, mistakes));
  }
  const sources = new Map<string, CompiledSource | null>();
  for (const draft of new Set([...of(SourceDraft), ...inlineSources(drafts)])) {
    if (draft instanceof InlineSourceDraft || unique.take('source', draft.name, draft))
      sources.set(draft.name, compileSource(draft, { mistakes, ...schemas }));
  }
  const views = new Map<string, FeatureView | null>();
  for (const draft of of(ViewDraft)) {
    if (!unique.take('view', draft.name, draft, draft.id)) continue;
    views.set(draft.id, compileView(draft, { entities, sources, columns, mistakes, warn, applied }));
  }
  // Both kinds of views stand in one list of names.
  const computed = of(OnDemandDraft).filter((draft) => unique.take('view', draft.name, draft, draft.id));
  const onDemand = compileOnDemandViews(computed, { entities, views, codes, mistakes, warn });
  const services = new Map<string, FeatureService>();
  for (const draft of of(ServiceDraft)) {
    const service = unique.take('service', draft.name, draft)
      ? compileService(draft, { entities, views, onDemand, mistakes })
      : null;
    if (service !== null) services.set(service.name, service);
  }
  const valid = withoutNulls(views);
  checkHashes(valid, of(ViewDraft), mistakes);
  const known = {
    views: new Map<string, FeatureView | OnDemandView | null>([...views, ...onDemand]),
    services: new Set(of(ServiceDraft).map(({ name }) => name)),
  };
  const definitions = {
    entities: withoutNulls(entities),
    views: valid,
    onDemand: withoutNulls(onDemand),
    services,
  };
  checkSuccessors(definitions, drafts, { known, mistakes });
  return definitions;
}

function withoutNulls<T>(map: ReadonlyMap<string, T | null>): Map<string, T> {
  return new Map([...map].filter((entry): entry is [string, T] => entry[1] !== null));
}

/** Checks that each name is well formed, and that no two definitions of a kind share one. */
class UniqueNames {
  readonly #taken = new Map<string, Draft>();
  readonly #mistakes: Mistakes;

  constructor(mistakes: Mistakes) {
    this.#mistakes = mistakes;
  }

  /** @returns false when the name has a mistake, which is added to the others */
  take(kind: string, name: string, draft: Draft, id = name): boolean {
    const fault = faultOfName(kind, name);
    if (fault !== null) this.#mistakes.add(draft.place, [], fault);
    const before = this.#taken.get(`${kind} ${id}`);
    if (before !== undefined) {
      const at = this.#mistakes.at(before.place);
      this.#mistakes.add(draft.place, [], `${kind} "${id}" is already defined at ${at}`);
    }
    this.#taken.set(`${kind} ${id}`, draft);
    return fault === null && before === undefined;
  }
}

function compileEntity(draft: EntityDraft, mistakes: Mistakes): Entity | null {
  const what = `entity "${draft.name}"`;
  const options = checkOptions(ENTITY_OPTIONS, what, draft, mistakes);
  if (options === null) return null;
  const names = Object.keys(options.joinKeys).toSorted(compareBytes);
  if (names.length === 0) mistakes.add(draft.place, ['joinKeys'], `${what} needs a join key`);
  let valid = names.length > 0;
  const joinKeys = names.map((name) => {
    const given = options.joinKeys[name];
    const type = given instanceof FeatureDraft ? given.options['type'] : given;
    const fault = keyNameFault(name, names);
    if (fault !== null) mistakes.add(draft.place, ['joinKeys', name], `${what}: ${fault}`);
    if (given instanceof FeatureDraft && given.options['column'] !== undefined)
      mistakes.add(draft.place, ['joinKeys', name], `${what}: join key "${name}" has the name of its column`);
    const fits = typeof type === 'string' && KEY_TYPES.includes(type);
    if (!fits) {
      const hint = didYouMean(String(type), KEY_TYPES) || `; a join key is ${KEY_TYPES.join(', ')}`;
      mistakes.add(
        draft.place,
        ['joinKeys', name],
        `${what}: join key "${name}" cannot be ${String(type)}${hint}`,
      );
    }
    valid &&= fits && fault === null;
    return { name, type: type as KeyType };
  });
  const { description, owner, tags, log } = options;
  return valid ? { name: draft.name, joinKeys, description, owner, tags, log } : null;
}

/** Engines use keys as columns, and do not distinguish names by case. */
function keyNameFault(name: string, names: readonly string[]): string | null {
  const lower = name.toLowerCase();
  if (isReserved(name)) return `join key "${name}" has the name of a column of the history; choose another`;
  const other = names.find((one) => one < name && one.toLowerCase() === lower);
  if (other !== undefined) return `join keys "${other}" and "${name}" differ only in case`;
  return faultOfName('join key', name);
}

/** The online store identifies a view by a 32-bit hash: two views of one entity with the same hash would share rows. */
function checkHashes(
  views: ReadonlyMap<string, FeatureView>,
  drafts: readonly ViewDraft[],
  mistakes: Mistakes,
): void {
  const fields = new Map<string, string>();
  for (const view of views.values()) {
    const field = `${view.entity} ${fieldOf(view.id).toString('hex')}`;
    const before = fields.get(field);
    const draft = drafts.find((d) => d.id === view.id)!;
    if (before !== undefined) {
      mistakes.add(
        draft.place,
        [],
        `views "${before}" and "${view.id}" have the same hash online; rename one of them`,
      );
    }
    fields.set(field, view.id);
  }
}
