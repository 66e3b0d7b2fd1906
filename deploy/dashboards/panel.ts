/**
 * What a dashboard is made of, before it is Grafana's JSON (grafana.ts): rows of panels, each with a unit, a sentence
 * that says what to see in it, and its queries. And the few forms of query that panels use.
 */

/** As Grafana names units. */
type Unit = 's' | 'bytes' | 'Bps' | 'percentunit' | 'reqps' | 'ops' | 'short' | 'none' | 'dateTimeAsIso';

interface PanelQuery {
  readonly expr: string;
  /** What a line is called: text with `{{label}}`. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** What it shows, and what is good. */
  readonly description: string;
  readonly unit: Unit;
  /** Lines over time, unless it is one number, or the present value of each series in a table. */
  readonly kind?: 'lines' | 'number' | 'table';
  readonly queries: readonly PanelQuery[];
}

/** A choice on top of a dashboard, of the values that a label of a metric has. */
export interface BoardVariable {
  readonly name: string;
  readonly metric: string;
}

export interface Board {
  /** The name of its file, and part of its address in Grafana. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly BoardVariable[];
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

/** The sidecars that are chosen. */
export const PODS: BoardVariable = { name: 'instance', metric: 'plumbline_build_info' };

/** @returns the series of a metric on the chosen sidecars */
export function ofPods(metric: string, more = ''): string {
  return `${metric}{instance=~"$instance"${more === '' ? '' : `,${more}`}}`;
}

/** @returns how much a counter of the chosen sidecars grows in a second */
export function perSecond(metric: string, more = ''): string {
  return `rate(${ofPods(metric, more)}[$__rate_interval])`;
}

/** @returns the sum of that over the chosen sidecars, by labels, `view, status` */
export function sumPerSecond(metric: string, by = '', more = ''): string {
  return `sum${by === '' ? ' ' : ` by (${by}) `}(${perSecond(metric, more)})`;
}

/** @returns a quantile of a histogram over the chosen sidecars, by labels */
export function quantile(share: number, histogram: string, by = ''): string {
  const labels = by === '' ? 'le' : `${by}, le`;
  return `histogram_quantile(${share}, ${sumPerSecond(`${histogram}_bucket`, labels)})`;
}

/** @returns a panel of the usual quantiles of a histogram */
export function quantiles(title: string, description: string, histogram: string): Panel {
  const queries = [0.5, 0.99, 0.999].map((share) => ({
    expr: quantile(share, histogram),
    legend: `p${share * 100}`,
  }));
  return { title, description, unit: 's', queries };
}
