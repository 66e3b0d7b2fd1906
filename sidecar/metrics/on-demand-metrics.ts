/** The on-demand views' part of `/metrics`. What to do about it: docs/serving.md, "On-demand features". */
import type { Exposition, Sample } from '../../contract/std/exposition.ts';
import type { OnDemandTally } from '../on-demand/on-demand-tally.ts';
import type { FunctionSlots } from '../on-demand/function-slots.ts';

/** @param tallies  by the id of the view */
export function onDemandMetrics(
  out: Exposition,
  tallies: FunctionSlots['tallies'],
  processes: FunctionSlots['processes'],
  passedOver: number,
): void {
  const name = 'plumbline_on_demand';
  const each = (value: (tally: OnDemandTally) => number): Sample[] =>
    [...tallies].map(([view, tally]): Sample => [{ view }, value(tally)]);
  out.counter(
    `${name}_calls_total`,
    'Rows that the functions of on-demand views were called for.',
    each(({ calls }) => calls),
  );
  out.counter(
    `${name}_failures_total`,
    'Rows of on-demand views that are UNAVAILABLE, by reason.',
    [...tallies].flatMap(([view, { failures }]) =>
      [...failures].map(([reason, n]): Sample => [{ view, reason }, n]),
    ),
  );
  out.histogram(
    `${name}_call_duration_seconds`,
    'How long a call took; of rows computed in one go their mean, of isolated functions the wait included.',
    [...tallies].map(([view, { seconds }]) => [{ view }, seconds] as const),
  );
  out.counter(
    `${name}_ended_calls_total`,
    'Calls of an isolated function that were ended, since they took too long or too much memory.',
    each(({ ends }) => ends),
  );
  out.gauge(
    `${name}_processes`,
    'Processes of isolated functions that are ready: one that answers, and a spare one.',
    processes.ready,
  );
  out.counter(
    `${name}_lost_processes_total`,
    'Processes of isolated functions that ended though no view was to blame for sure.',
    processes.lost,
  );
  out.gauge(
    `${name}_switched_off`,
    'Whether a view is not called, since half of its calls took over 1 ms.',
    each(({ isOff }) => (isOff ? 1 : 0)),
  );
  out.gauge(
    `${name}_other_engine`,
    'Whether a view was applied on another V8 or processor than this one, so that its bits may differ.',
    each(({ isOfOtherEngine }) => (isOfOtherEngine ? 1 : 0)),
  );
  out.counter(
    'plumbline_passed_over_columns_total',
    'Columns of requests in the form of Feast that no join key or input has the name of.',
    passedOver,
  );
}
