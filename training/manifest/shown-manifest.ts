/** `plumb training show`: the manifests that the registry keeps, as JSON and as text for a terminal. */
import { countText } from '../../contract/std/count-text.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { TrainingManifest, WarmCap } from '../../contract/training-manifest.ts';
import { QUANTILE_STEPS } from '../../contract/sketch.ts';
import type { ColumnSketch, OrderedSketch } from '../../contract/sketch.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import { trainingError } from '../errors.ts';

/** So many sets are listed, the newest ones. */
const MOST_LISTED = 50;
/** So many categories of a feature are shown as text; `--json` has all that are kept. */
const SHOWN_CATEGORIES = 3;

export async function listedManifests(database: RegistryDatabase): Promise<TrainingManifest[]> {
  return database.trainingSets({ most: MOST_LISTED });
}

/** @returns the newest of that name @throws TRAIN_UNKNOWN */
export async function manifestNamed(database: RegistryDatabase, name: string): Promise<TrainingManifest> {
  const [newest] = await database.trainingSets({ name, most: 1 });
  if (newest !== undefined) return newest;
  const names = (await listedManifests(database)).map((one) => one.name);
  const hint = names.length === 0 ? '; it has none at all' : didYouMean(name, names);
  throw trainingError('TRAIN_UNKNOWN', `there is no manifest of a training set "${name}"${hint}`);
}

/** @returns the manifest with its times as RFC 3339 */
export function manifestToJson({ madeUs, views, cap, ...manifest }: TrainingManifest): object {
  const shown = views.map(({ watermarkUs, ...view }) => {
    return { ...view, watermark: watermarkUs === null ? null : formatTimestamp(watermarkUs) };
  });
  const { sinceUs, ...others } = cap ?? { sinceUs: 0 };
  const capped = cap === undefined ? {} : { cap: { since: formatTimestamp(sinceUs), ...others } };
  return { ...manifest, ...capped, madeAt: formatTimestamp(madeUs), views: shown };
}

/** @returns one object a set, without its features */
export function listedToJson(manifest: TrainingManifest): object {
  const { name, madeUs, service, serviceVersion, bundle, out, features } = manifest;
  const madeAt = formatTimestamp(madeUs);
  return { name, madeAt, service, serviceVersion, bundle, ...out, features: features.length };
}

export function renderManifests(manifests: readonly TrainingManifest[]): string {
  if (manifests.length === 0) return 'No training set was made yet: `plumb train` makes one.';
  const rows = manifests.map(({ name, madeUs, service, serviceVersion, out, features }) => [
    name,
    formatTimestamp(madeUs).slice(0, 19),
    `${service} v${serviceVersion}`,
    String(out.rows),
    String(features.length),
    out.file,
  ]);
  const head = ['name', 'made', 'service', 'rows', 'features', 'file'];
  const table = renderTable(head, rows, ['left', 'left', 'left', 'right', 'right']);
  return `${table}\n\n\`plumb training show NAME\` shows the newest of a name.`;
}

export function renderManifest(manifest: TrainingManifest): string {
  const { name, madeUs, service, serviceVersion, bundle, as, made, labels, out, cap } = manifest;
  const views = manifest.views.map(({ role, view, watermarkUs, commit }) => {
    const whose = role === view ? view : `${role} (${view})`;
    const upTo = watermarkUs === null ? '' : ` up to ${formatTimestamp(watermarkUs)}`;
    return commit === null ? whose : `${whose}${upTo}, commit ${commit}`;
  });
  const facts = [
    `training set ${name}, made ${formatTimestamp(madeUs)}, as ${as}`,
    `${countText(out.rows, 'row')} in ${out.file}`,
    `labels ${labels.file}, sha256 ${labels.sha256}`,
    ...(cap === undefined ? [] : [capText(cap)]),
    `service ${service} v${serviceVersion}, bundle ${bundle}`,
    `views ${views.join('; ')}`,
    `made by plumbline ${made.plumbline}, Node ${made.node} (V8 ${made.v8}), DuckDB ${made.duckdb} on ${made.processor}`,
  ];
  const head = ['feature', 'type', 'null', 'mean', 'deviation', 'least', 'median', 'most', ''];
  const rows = manifest.features.map((feature) => [
    feature.name,
    feature.type,
    ...sketchCells(feature.sketch),
  ]);
  const right = Array.from({ length: 6 }, () => 'right' as const);
  return [facts.join('\n'), renderTable(head, rows, ['left', 'left', ...right])].join('\n\n');
}

/** @returns which labels a set has not, as a sentence without its full stop */
export function capText({ sinceUs, feature, leftOut }: WarmCap): string {
  const which = `${countText(leftOut, 'label')} from before ${formatTimestamp(sinceUs)} ${leftOut === 1 ? 'is' : 'are'} left out`;
  return `${which}: ${feature} was not warm online until then`;
}

const NO_FIGURES = ['', '', '', '', ''];

function sketchCells(sketch: ColumnSketch | null): string[] {
  if (sketch === null) return ['', ...NO_FIGURES, 'not kept: its values stay out of the log'];
  const { rows, nulls, ordered, categories } = sketch;
  const share = rows === 0 ? '' : `${shortNumber((100 * nulls) / rows)} %`;
  if (ordered !== null) return [share, ...orderedCells(ordered)];
  if (categories === null) return [share, ...NO_FIGURES, 'no value'];
  const top = categories.top.slice(0, SHOWN_CATEGORIES).map(({ value, rows: own }) => {
    return `${value}: ${shortNumber((100 * own) / categories.rows)} %`;
  });
  return [share, ...NO_FIGURES, `${countText(categories.values, 'value')}; ${top.join(', ')}`];
}

function orderedCells({ measure, mean, standardDeviation, quantiles }: OrderedSketch): string[] {
  const unit = measure === 'age' ? ' s' : '';
  const three = [quantiles[0]!, quantiles[QUANTILE_STEPS / 2]!, quantiles[QUANTILE_STEPS]!];
  return [mean, standardDeviation, ...three].map((value) =>
    value === null ? '' : `${shortNumber(value)}${unit}`,
  );
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}
