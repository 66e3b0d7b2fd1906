/**
 * What comes of what, over all that is applied:
 *
 *   source -> column -> view -> feature -> service -> model
 *                  \-> feature         \-> on-demand view -> feature -> ...
 *   input of a request ------------------/
 *
 * A column leads to the view where it decides which rows count or whose they are (keys, times, `where`), and to the
 * feature that reads it. Called by lineage.ts (the command), drawn by lineage-picture.ts.
 */
import { parseExpression } from '../../contract/expression/syntax.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { registryError } from '../../contract/errors.ts';
import type { Bundle, Feature, FeatureView, OnDemandView } from '../../contract/model.ts';

export type NodeKind = 'source' | 'column' | 'input' | 'view' | 'feature' | 'service' | 'model';

export interface LineageNode {
  /** `feature:purchases__count_7d`: the kind, and the name that people know it by. */
  readonly id: string;
  readonly kind: NodeKind;
  readonly name: string;
  /** Who answers for it; null: nobody is named. */
  readonly owner: string | null;
  /** What a reader wants to know first: of a source where it lies, of a feature its type. */
  readonly note: string | null;
}

interface LineageEdge {
  readonly from: string;
  readonly to: string;
}

export class LineageGraph {
  readonly #nodes = new Map<string, LineageNode>();
  readonly #below = new Map<string, Set<string>>();
  readonly #above = new Map<string, Set<string>>();

  constructor(bundle: Bundle, note: (feature: Feature) => string) {
    for (const view of bundle.views.values()) this.#addView(view, bundle, note);
    for (const view of bundle.onDemand.values()) this.#addOnDemand(view, note);
    for (const { name, owner, features, consumers } of bundle.services.values()) {
      const service = this.#node('service', name, owner, null);
      for (const { view, feature } of features) this.#edge(featureId(view, feature), service);
      for (const consumer of consumers)
        this.#edge(service, this.#node('model', consumer.model, consumer.owner, null));
    }
  }

  get nodes(): readonly LineageNode[] {
    return [...this.#nodes.values()];
  }

  get edges(): readonly LineageEdge[] {
    return [...this.#below].flatMap(([from, all]) => [...all].map((to) => ({ from, to })));
  }

  has(id: string): boolean {
    return this.#nodes.has(id);
  }

  node(id: string): LineageNode {
    return this.#nodes.get(id)!;
  }

  /** What a node comes of, and what comes of it, one step away. */
  above(id: string): readonly string[] {
    return [...(this.#above.get(id) ?? [])];
  }

  below(id: string): readonly string[] {
    return [...(this.#below.get(id) ?? [])];
  }

  /** @returns every node that is reached, the node itself first */
  reached(id: string, step: (id: string) => readonly string[]): string[] {
    const found = new Set([id]);
    for (const one of found) for (const next of step(one)) found.add(next);
    return [...found];
  }

  /**
   * @param text  a name as people write it: `purchases`, `purchases:count_7d`, `invoices.amount`, `model churn`
   * @throws REG_UNKNOWN where nothing, or more than one thing, has it
   */
  named(text: string): LineageNode {
    const [, kind = null, name] = /^(?:(\w+) )?(.*)$/s.exec(text)!;
    const asked = name!.replace(/^([^:.]+):/, '$1__');
    // A source that a view has in place is called `view:source`.
    const names = new Set([name, asked]);
    const found = this.nodes.filter((one) => names.has(one.name) && (kind === null || kind === one.kind));
    if (found.length === 1) return found[0]!;
    const known = this.nodes.map((one) => one.name);
    const why =
      found.length === 0
        ? `nothing that is applied is called ${JSON.stringify(text)}${didYouMean(asked, known)}`
        : `${found.map((one) => `${one.kind} ${one.name}`).join(', ')}: which of them?`;
    const help =
      found.length === 0
        ? {}
        : { help: `Write it with its kind: plumb lineage "${found[0]!.kind} ${asked}"` };
    throw registryError('REG_UNKNOWN', why, help);
  }

  #addView(view: FeatureView, bundle: Bundle, note: (feature: Feature) => string): void {
    const { id, owner, source, features } = view;
    const place = source.stream?.topic ?? source.stream?.folder ?? source.path;
    const from = this.#node('source', source.name, null, place);
    const node = this.#node('view', id, owner, view.kind);
    const column = (name: string): string => {
      const found = this.#node('column', `${source.name}.${name}`, null, null);
      this.#edge(from, found);
      return found;
    };
    const keys = bundle.entities.get(view.entity)!.joinKeys.map(({ name }) => name);
    const times = source.createdTime === null ? [source.eventTime] : [source.eventTime, source.createdTime];
    const decide = [
      ...keys,
      ...times,
      ...(view.where === null ? [] : columnsIn(parseExpression(view.where))),
    ];
    const selected = new Map(view.select.map(({ name, expression }) => [name.toLowerCase(), expression]));
    const origin = (name: string): string[] => {
      const expression = selected.get(name.toLowerCase());
      return expression === undefined ? [name] : columnsIn(parseExpression(expression));
    };
    for (const name of new Set(decide.flatMap(origin))) this.#edge(column(name), node);
    for (const feature of features) {
      const own = this.#node('feature', nameOf(id, feature.name), owner, note(feature));
      this.#edge(node, own);
      const { aggregation } = feature;
      const read = aggregation === null ? (feature.column ?? feature.name) : aggregation.column;
      for (const name of read === null ? [] : origin(read)) this.#edge(column(name), own);
    }
  }

  #addOnDemand(
    { id, owner, inputs, uses, features }: OnDemandView,
    note: (feature: Feature) => string,
  ): void {
    const node = this.#node('view', id, owner, 'on demand');
    for (const input of inputs) this.#edge(this.#node('input', `${id}.${input.name}`, null, null), node);
    for (const used of uses)
      for (const { feature } of used.features) this.#edge(featureId(used.view, feature), node);
    for (const feature of features)
      this.#edge(node, this.#node('feature', nameOf(id, feature.name), owner, note(feature)));
  }

  #node(kind: NodeKind, name: string, owner: string | null, note: string | null): string {
    const id = `${kind}:${name}`;
    if (!this.#nodes.has(id)) this.#nodes.set(id, { id, kind, name, owner, note });
    return id;
  }

  #edge(from: string, to: string): void {
    for (const [of, one, other] of [
      [this.#below, from, to],
      [this.#above, to, from],
    ] as const)
      of.set(one, (of.get(one) ?? new Set()).add(other));
  }
}

function nameOf(view: string, feature: string): string {
  return `${view}__${feature}`;
}

function featureId(view: string, feature: string): string {
  return `feature:${nameOf(view, feature)}`;
}

/** Of the parts of an expression those that name a column. */
function columnsIn(part: unknown): string[] {
  if (Array.isArray(part)) return part.flatMap(columnsIn);
  if (typeof part !== 'object' || part === null) return [];
  const { kind, name } = part as { readonly kind?: unknown; readonly name?: unknown };
  return kind === 'column' ? [name as string] : Object.values(part).flatMap(columnsIn);
}
