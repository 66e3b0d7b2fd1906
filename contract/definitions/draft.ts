/**
 * Definitions as people wrote them, before validation. TypeScript builders and YAML documents become the same
 * drafts; registry/definitions/ checks them and makes the model. Options are `unknown` here: nothing is trusted yet.
 *
 * Type parameters, and properties that begin with `~`, hold what the type checker knows of a draft. These properties
 * are only declared: no object has them.
 */
import type { Name } from './name.ts';

/** Where a draft stands, so that a mistake names file and line. */
export interface Place {
  readonly file: string;
  /** The line of an option (`['features', 'conv_rate', 'type']`), or of the draft itself for `[]`; from 1. */
  lineOf(path: readonly string[]): number;
}

export type Options = Readonly<Record<string, unknown>>;

/** What every definition has: a name, its options, and its place in a file. */
class NamedDraft {
  readonly name: string;
  readonly options: Options;
  readonly place: Place;

  constructor(name: string, options: Options, place: Place) {
    this.name = name;
    this.options = options;
    this.place = place;
  }
}

export class EntityDraft<Key extends string = string> extends NamedDraft {
  declare readonly '~keys': Key;
}

export class SourceDraft extends NamedDraft {
  declare readonly '~kind': 'source';
}

/** A source that stands within its view. Its name is made from the view's id, and no other source can have it. */
export class InlineSourceDraft extends SourceDraft {}

/** The name of a view online and in the history: `name`, or `name@v2` from the second version on. */
export function idOf(name: string, version: unknown): string {
  return version === undefined || version === 1 ? name : `${name}@v${String(version)}`;
}

/** A feature of a view, or the type of a join key: `t.float64()`, `agg.sum('x').over('7d')`, or its YAML. */
export class FeatureDraft {
  readonly options: Options;
  readonly place: Place | null;

  constructor(options: Options, place: Place | null) {
    this.options = options;
    this.place = place;
  }
}

/** Values of the type `Type` that definitions write as a `Value`. */
export interface StoredFeature<Value = unknown, Type extends string = string> extends FeatureDraft {
  readonly '~kind': 'stored';
  readonly '~value': Value;
  readonly '~type': Type;
}

export interface AggregatedFeature extends FeatureDraft {
  readonly '~kind': 'aggregated';
}

/** What stands as the type of an input in YAML, and in the draft of `t.requestTime()`. */
export const REQUEST_TIME = 'requestTime';

/** The input of an on-demand view that nobody sends: the time of the request. */
export interface RequestTime extends FeatureDraft {
  readonly '~kind': 'requestTime';
}

/** The module whose default export is the function of an on-demand view; the path is relative to the place's file. */
export class ModuleDraft {
  readonly path: string;
  readonly place: Place;

  constructor(path: string, place: Place) {
    this.path = path;
    this.place = place;
  }
}

/** A view with these features, of an entity with these join keys. */
export class ViewDraft<Feature extends string = string, Key extends string = string> extends NamedDraft {
  get id(): string {
    return idOf(this.name, this.options['version']);
  }

  /** Some features of the view, in this order, for a service. */
  pick(...features: Feature[]): ViewSelection<Feature> {
    return new ViewSelection(this, features, null, null);
  }

  /** The view in a role, e.g. for another entity of its kind; features are then named `role__feature`. */
  as<Role extends string>(role: Name<Role>, joinKeys: KeysOfRole<Key> = {}): ViewSelection<Feature> {
    return new ViewSelection(this, null, role as string, joinKeys as Readonly<Record<string, string>>);
  }
}

/** A view whose features one function computes when they are asked for. */
export class OnDemandDraft<Feature extends string = string> extends NamedDraft {
  get id(): string {
    return idOf(this.name, this.options['version']);
  }

  /** Some features of the view, in this order, for a service or another on-demand view. */
  pick(...features: Feature[]): ViewSelection<Feature> {
    return new ViewSelection(this, features, null, null);
  }

  /** One feature of the view, by the name that the service calls it. */
  feature(name: Feature): { as<Called extends string>(called: Name<Called>): CalledFeature } {
    return { as: (called) => new CalledFeature(this, name, called as string) };
  }
}

/** Join key of the view's entity -> key of the request, where that has another name. */
type KeysOfRole<Key extends string> = { readonly [Own in Key]?: string };

/** What a service takes of a view: all features or some, for its own entity or in a role. */
export class ViewSelection<Feature extends string = string> {
  /** The draft, or the id by which YAML names the view. */
  readonly view: ViewDraft | OnDemandDraft | string;
  /** Null: all of the view's features, in its order. */
  readonly features: readonly string[] | null;
  readonly role: string | null;
  /** For a role: join key of the view's entity -> key of the request. */
  readonly joinKeys: Readonly<Record<string, string>> | null;

  constructor(
    view: ViewDraft | OnDemandDraft | string,
    features: readonly string[] | null,
    role: string | null,
    joinKeys: Readonly<Record<string, string>> | null,
  ) {
    this.view = view;
    this.features = features;
    this.role = role;
    this.joinKeys = joinKeys;
  }

  pick(...features: Feature[]): ViewSelection<Feature> {
    return new ViewSelection(this.view, features, this.role, this.joinKeys);
  }

  as<Role extends string>(
    role: Name<Role>,
    joinKeys: Readonly<Record<string, string>> = {},
  ): ViewSelection<Feature> {
    return new ViewSelection(this.view, this.features, role as string, joinKeys);
  }

  get viewId(): string {
    return typeof this.view === 'string' ? this.view : this.view.id;
  }
}

/** A feature of an on-demand view that a service calls otherwise than `view__feature`. */
export class CalledFeature extends ViewSelection {
  readonly called: string;

  constructor(view: OnDemandDraft | string, feature: string, called: string) {
    super(view, [feature], null, null);
    this.called = called;
  }
}

export class ServiceDraft {
  readonly name: string;
  readonly items: readonly ViewSelection[];
  readonly options: Options;
  readonly place: Place;

  constructor(name: string, items: readonly ViewSelection[], options: Options, place: Place) {
    this.name = name;
    this.items = items;
    this.options = options;
    this.place = place;
  }
}

/** All that the builders made so far in this process: a definition that lacks its `export` is found here. */
export const madeDrafts: Draft[] = [];

export type Draft = EntityDraft | SourceDraft | ViewDraft | OnDemandDraft | ServiceDraft;

export function isDraft(value: unknown): value is Draft {
  return (
    value instanceof EntityDraft ||
    value instanceof SourceDraft ||
    value instanceof ViewDraft ||
    value instanceof OnDemandDraft ||
    value instanceof ServiceDraft
  );
}
