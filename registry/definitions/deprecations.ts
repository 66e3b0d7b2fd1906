/** What definitions say will go: that a successor is there, and what is past its date already. Pure. */
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { parseTimestamp } from '../../contract/std/timestamp.ts';
import type { Definitions, Deprecation, FeatureView, OnDemandView } from '../../contract/model.ts';
import { OnDemandDraft, ServiceDraft, ViewDraft } from '../../contract/definitions/draft.ts';
import type { Draft } from '../../contract/definitions/draft.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';

interface Deprecated extends Deprecation {
  readonly what: 'view' | 'feature' | 'service';
  /** Of a feature `view:feature`. */
  readonly name: string;
}

/** What may be named: also what has mistakes of its own, which is there all the same. */
interface Known {
  readonly views: ReadonlyMap<string, FeatureView | OnDemandView | null>;
  readonly services: ReadonlySet<string>;
}

/** Adds a mistake for each successor that nothing defines: of a service a service, else a view or a feature. */
export function checkSuccessors(
  definitions: Pick<Definitions, 'views' | 'onDemand' | 'services'>,
  drafts: readonly Draft[],
  { known, mistakes }: { readonly known: Known; readonly mistakes: Mistakes },
): void {
  const features = [...known.views].flatMap(([id, view]) =>
    (view?.features ?? []).flatMap(({ name }) => [`${id}:${name}`, `${id}__${name}`]),
  );
  const names = { service: new Set(known.services), other: new Set([...known.views.keys(), ...features]) };
  const unread = new Set([...known.views].flatMap(([id, view]) => (view === null ? [id] : [])));
  for (const { what, name, successor } of deprecatedIn(definitions)) {
    const there = what === 'service' ? names.service : names.other;
    if (successor === null || there.has(successor) || unread.has(successor.split(/:|__/)[0]!)) continue;
    const [of, feature] = name.split(':') as [string, string?];
    const draft = drafts.find((one) =>
      what === 'service'
        ? one instanceof ServiceDraft && one.name === of
        : (one instanceof ViewDraft || one instanceof OnDemandDraft) && one.id === of,
    );
    if (draft === undefined) continue;
    const kind = what === 'service' ? 'service' : 'view or feature';
    const lack = `there is no ${kind} "${successor}"${didYouMean(successor, there)}`;
    const path = feature === undefined ? [] : ['features', feature];
    const message = `${what} "${name}": deprecated.successor: ${lack}`;
    mistakes.addUnknownName(draft.place, [...path, 'deprecated', 'successor'], message);
  }
}

/** @returns a sentence for each date that is past: whoever wrote it may have meant another year */
export function pastDeprecations(definitions: Definitions, nowUs: number): string[] {
  return deprecatedIn(definitions)
    .filter(({ date }) => Number(parseTimestamp(date)) < nowUs)
    .map(({ what, name, date }) => `${what} ${name} is deprecated from ${date} on, which is past`);
}

function deprecatedIn({
  views,
  onDemand,
  services,
}: Pick<Definitions, 'views' | 'onDemand' | 'services'>): Deprecated[] {
  const found: Deprecated[] = [];
  const add = (what: Deprecated['what'], name: string, deprecated: Deprecation | null | undefined): void => {
    if (deprecated !== null && deprecated !== undefined) found.push({ what, name, ...deprecated });
  };
  for (const view of [...views.values(), ...onDemand.values()]) {
    add('view', view.id, view.deprecated);
    for (const feature of view.features) add('feature', `${view.id}:${feature.name}`, feature.deprecated);
  }
  for (const { name, deprecated } of services.values()) add('service', name, deprecated);
  return found;
}
