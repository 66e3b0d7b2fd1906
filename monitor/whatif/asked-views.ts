/**
 * Which views a what-if is about: all that the services take, or those that are named. With a view come the on-demand
 * views that use it, with an on-demand view the views that it is computed of. What others use beside is simulated as it
 * is.
 */
import { registryError } from '../../contract/errors.ts';
import type { Bundle, FeatureView } from '../../contract/model.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { computedBelow, storedBelow } from './computed/stored-below.ts';

interface AskedViews {
  /** With other settings, too. */
  readonly tried: readonly FeatureView[];
  readonly usedBeside: readonly FeatureView[];
  /** Ids of on-demand views. */
  readonly computed: ReadonlySet<string>;
  /** Whether a view with rows is told of by itself. */
  isShown(id: string): boolean;
  isTakenBy(served: DayOfService): boolean;
}

/** @throws REG_UNKNOWN when none of the services takes a view of a name */
export function askedViews(
  { views, onDemand }: Bundle,
  found: readonly DayOfService[],
  names: readonly string[] | undefined,
): AskedViews {
  const services = found.map(({ service }) => service);
  const taken = new Set(services.flatMap((one) => one.views.map(({ view }) => view)));
  const computing = services.flatMap((service) =>
    service.onDemand.map((computed) => ({
      id: computed.view,
      below: storedBelow(service, computed),
      others: computedBelow(service, computed).map(({ view }) => view),
    })),
  );
  const ids = new Set([...taken, ...computing.map(({ id }) => id)]);
  const nameOf = (id: string): string => (views.get(id) ?? onDemand.get(id)!).name;
  const isNamed = (id: string): boolean =>
    names === undefined || names.includes(id) || names.includes(nameOf(id));
  for (const name of names ?? []) {
    if ([...ids].some((id) => id === name || nameOf(id) === name)) continue;
    const hint = didYouMean(name, [...ids]) || `; they take ${[...ids].join(', ')}`;
    throw registryError('REG_UNKNOWN', `none of the services takes a view ${name}${hint}`, { field: 'view' });
  }
  const shown = computing.filter(({ id, below, others }) => [id, ...below, ...others].some(isNamed));
  const computed = new Set(shown.map(({ id }) => id));
  const tried = new Set([
    ...[...taken].filter(isNamed),
    ...shown.flatMap(({ id, below }) => (isNamed(id) ? below : [])),
  ]);
  const beside = new Set(shown.flatMap(({ below }) => below.filter((id) => !tried.has(id))));
  return {
    tried: [...tried].map((id) => views.get(id)!),
    usedBeside: [...beside].map((id) => views.get(id)!),
    computed,
    isShown: (id) => taken.has(id) && isNamed(id),
    isTakenBy: ({ service }) =>
      service.views.some(({ view }) => tried.has(view)) ||
      service.onDemand.some(({ view }) => computed.has(view)),
  };
}
