/**
 * Incidents: what a person has to look at, instead of one mismatch a value. All mismatches of one view and cause that
 * one run, or one pod, brought about are one; and so are those less than two schedules apart, since a run that is late
 * makes the next one late. Pure.
 */
import type { Consumer } from '../../contract/model.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Cause } from '../../contract/cause.ts';
import { commandFor, explainCommand } from './incident-command.ts';
import type { IncidentCounts, IncidentKey, SliceCounts } from '../verdict/judged-view.ts';
import { holdingSlice } from './slices.ts';
import type { FeatureSnapshot, Finding, Incident, Level } from '../verdict/snapshot.ts';

/**
 * Which keys are one incident.
 *
 * @param scheduleUs  how often a view is brought up to date
 * @returns           for each key the number of its incident, from 0
 */
export function groupKeys(keys: readonly IncidentKey[], scheduleUs: (view: string) => number): number[] {
  const numbers = keys.map(() => 0);
  let count = 0;
  const places = keys.map((key, place) => ({ key, place }));
  for (const own of Map.groupBy(places, ({ key }) => `${key.view} ${key.cause}`).values()) {
    let untilUs = -Infinity;
    for (const { key, place } of own.toSorted((a, b) => a.key.fromUs - b.key.fromUs)) {
      const isNear = key.fromUs - untilUs < 2 * scheduleUs(key.view);
      if (!isNear) count += 1;
      untilUs = isNear ? Math.max(untilUs, key.toUs) : key.toUs;
      numbers[place] = count - 1;
    }
  }
  return numbers;
}

/** What else the day says of incidents, and whom they concern. */
interface Concerned {
  readonly findings: readonly Finding[];
  readonly service: string;
  readonly consumers: readonly Consumer[];
  /** Ids of its on-demand views, which no run writes. */
  readonly computed: ReadonlySet<string>;
  /** The owner of a view; null: none is named. */
  ownerOf(view: string): string | null;
}

/**
 * @param features  with their levels: an incident has the worst of those in which it broke the promise, and of the
 *                  findings on its view that it made
 * @returns         the greatest harm first; none for mismatches that are all within the promise
 */
export function incidentsOf(
  counted: readonly IncidentCounts[],
  features: readonly Pick<FeatureSnapshot, 'name' | 'level'>[],
  traffic: readonly SliceCounts[],
  concerned: Concerned,
): Incident[] {
  const levels = new Map(features.map(({ name, level }) => [name, level]));
  return counted
    .filter(({ beyondPromise }) => beyondPromise > 0)
    .toSorted((a, b) => b.harm - a.harm || b.beyondPromise - a.beyondPromise || b.values - a.values)
    .map((counts) => {
      const { view, cause, runs, pods, rows, values, beyondPromise, beyond, harm, entities, examples } =
        counts;
      const broken = counts.features.filter((feature) => feature.beyondPromise > 0);
      const slice = holdingSlice(counts, traffic);
      const owner = concerned.ownerOf(view);
      return {
        view,
        cause,
        level: worstOf([
          ...broken.map(({ name }) => levels.get(name)),
          ...concerned.findings
            .filter((one) => one.feature === null && one.view === view && one.causes?.includes(cause))
            .map(({ verdict }) => verdict),
        ]),
        runs,
        pods,
        rows,
        values,
        beyondPromise,
        harm,
        entities,
        features: broken.toSorted((a, b) => b.harm - a.harm || b.values - a.values).map(({ name }) => name),
        services: [concerned.service],
        models: concerned.consumers.map(({ model }) => model),
        owners: [...new Set([owner, ...concerned.consumers.map((one) => one.owner)])].filter(
          (one) => one !== null,
        ),
        from: formatTimestamp(counts.fromUs),
        to: formatTimestamp(counts.toUs),
        beyond: {
          rows: beyond.rows,
          from: formatTimestamp(beyond.fromUs),
          to: formatTimestamp(beyond.toUs),
        },
        ...(slice === null ? {} : { slice }),
        command: commandOf(view, cause, examples[0], concerned.computed),
        examples: examples.slice(0, 2),
      };
    });
}

/** No run writes what is computed on demand. */
function commandOf(
  view: string,
  cause: Cause,
  example: Parameters<typeof commandFor>[2],
  computed: ReadonlySet<string>,
): string {
  if (!computed.has(view)) return commandFor(view, cause, example);
  return example === undefined ? '' : explainCommand(example);
}

function worstOf(levels: readonly (Level | Finding['verdict'] | undefined)[]): Incident['level'] {
  if (levels.includes('alarm')) return 'alarm';
  return levels.includes('alert') ? 'alert' : 'ok';
}
