/**
 * The daily skew report: one HTML file that needs no other file, drawn from one snapshot alone.
 *
 * The order serves a reader who was woken by an alert: the verdict's sentence, the incidents with a command to run,
 * what broke since yesterday, the day hour by hour, what was compared; then every feature, and the words. Called by
 * `monitor run` and `monitor report`; pure.
 */
import { spanWords } from '../../judged-span.ts';
import { matchLevel } from '../../limits.ts';
import type { FeatureSnapshot, Snapshot } from '../../verdict/snapshot.ts';
import { trendDays } from '../../../project/page/charts/trend-chart.ts';
import { accountSection } from './account-section.ts';
import { brokeSection } from './broke-section.ts';
import { daySection } from './day-section.ts';
import { driftSummary } from './feature/drift-lines.ts';
import type { ExampleLimit } from './feature/examples.ts';
import { featureSection } from './feature/feature-section.ts';
import { featureLinks, featureTable } from './feature-table.ts';
import { glossary } from './glossary.ts';
import { headline, keyFigures, spanOfDayText } from './headline.ts';
import type { Neighbours } from './headline.ts';
import { incidentsSection } from './incidents-section.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { slicesSection } from './slices-section.ts';
import { whatIfSection } from './what-if-section.ts';
import { document } from '../../../project/page/document.ts';
import { rankedFeatures } from '../ranking.ts';

/** The largest page; 200 features fit, each with a few examples. */
export const MAX_REPORT_BYTES = 2_000_000;
/** How many example rows to draw, largest first: the first that keeps the page below its limit is taken. */
const LIMITS_TRIED: readonly ExampleLimit[] = [
  ...[20, 10, 5, 3, 2, 1].map((rows) => ({ features: Infinity, rows, causes: Infinity })),
  { features: Infinity, rows: 1, causes: 2 },
  { features: Infinity, rows: 1, causes: 1 },
  { features: 100, rows: 1, causes: 1 },
];
const NO_EXAMPLES: ExampleLimit = { features: 0, rows: 0, causes: 0 };
/**
 * The least bytes of an example row; with the size of the page without examples, this saves drawing pages that cannot
 * fit.
 */
const LEAST_EXAMPLE_BYTES = 300;
/** From this many features on, the page without examples is drawn first, to know its size. */
const FEW_EXAMPLES_FROM = 50;
/** Up to this many features are all unfolded; of more, only those that need a look. */
const FEW_FEATURES = 4;
const MOST_OPEN = 2;

/**
 * @param neighbours  the days beside it that have a page; null: the page is not one of a folder of reports
 * @returns  the HTML of the whole page, at most 2 MB for 200 features: if examples would exceed that, fewer of each
 *           cause are drawn, and the page says how many there are
 */
export function renderReport(snapshot: Snapshot, neighbours: Neighbours | null = null): string {
  const bare =
    snapshot.features.length > FEW_EXAMPLES_FROM ? page(snapshot, neighbours, NO_EXAMPLES).text : '';
  const bareBytes = Buffer.byteLength(bare);
  for (const limit of LIMITS_TRIED) {
    const leastBytes = bareBytes + examplesDrawn(snapshot, limit) * LEAST_EXAMPLE_BYTES;
    if (leastBytes > MAX_REPORT_BYTES) continue;
    const { text } = page(snapshot, neighbours, limit);
    if (Buffer.byteLength(text) <= MAX_REPORT_BYTES) return text;
  }
  return bare === '' ? page(snapshot, neighbours, NO_EXAMPLES).text : bare;
}

function examplesDrawn({ features }: Snapshot, limit: ExampleLimit): number {
  let rows = 0;
  for (const { examples } of features.slice(0, limit.features)) {
    const drawn = new Map<string, number>();
    for (const {
      causes: [cause],
    } of examples)
      drawn.set(cause, Math.min(limit.rows, (drawn.get(cause) ?? 0) + 1));
    for (const count of [...drawn.values()].slice(0, limit.causes)) rows += count;
  }
  return rows;
}

function page(snapshot: Snapshot, neighbours: Neighbours | null, limit: ExampleLimit): Markup {
  const link = featureLinks(snapshot);
  const { service, verdict } = snapshot;
  return document(
    `${service}, ${spanOfDayText(snapshot)}: ${verdict} · skew report`,
    html`<main>
        ${trendDays(snapshot.date)} ${headline(snapshot, neighbours)}${keyFigures(snapshot)}
        ${incidentsSection(snapshot, link)} ${brokeSection(snapshot, link)} ${daySection(snapshot)}
        ${slicesSection(snapshot)} ${whatIfSection(snapshot)} ${accountSection(snapshot)}
        ${featuresSection(snapshot, limit)} ${glossary(snapshot)}
      </main>
      <footer>
        <p>
          ${`Drawn from ${service}’s JSON snapshot of ${spanWords(snapshot)}, which holds every figure and example shown here.`}
          ${truncatedText(snapshot)}
        </p>
      </footer>`,
  );
}

function truncatedText({ truncated = [] }: Snapshot): Part {
  return truncated.length > 0 && `To keep its size it lacks ${truncated.join(', ')}.`;
}

function featuresSection(snapshot: Snapshot, limit: ExampleLimit): Part {
  const { features } = snapshot;
  if (features.length === 0) {
    return html`<section>
      <h2>Features</h2>
      <p>No feature of this service was compared on that day.</p>
    </section>`;
  }
  const ranked = rankedFeatures(snapshot);
  const ordered = [...ranked.broken, ...ranked.kept, ...[...ranked.clean.values()].flat()];
  const places = new Map(features.map((feature, i) => [feature, i]));
  const open = new Set(
    ordered.length <= FEW_FEATURES ? ordered : ranked.broken.filter(needsALook).slice(0, MOST_OPEN),
  );
  const section = (feature: FeatureSnapshot): Markup =>
    featureSection(snapshot, feature, {
      place: places.get(feature)!,
      open: open.has(feature),
      examples: ordered.indexOf(feature) < limit.features ? limit : NO_EXAMPLES,
    });
  return html`<section>
      <h2>Features</h2>
      ${driftSummary(snapshot, featureLinks(snapshot))}
      ${featureTable(snapshot, ranked, featureLinks(snapshot))}
    </section>
    <section>
      <h2>Each feature</h2>
      ${[...ranked.broken, ...ranked.kept].map(section)}
      ${[...ranked.clean].map(([view, own]) => cleanSections(view, own.map(section), ordered.length))}
    </section>`;
}

/** The features of a view that match in full are folded together, unless the service has few. */
function cleanSections(view: string, sections: readonly Markup[], all: number): Part {
  if (all <= FEW_FEATURES) return sections;
  return html`<details class="fold">
    <summary><b>${view}</b> <span class="soft">${`${sections.length} without a mismatch`}</span></summary>
    ${sections}
  </details>`;
}

function needsALook({ causes, exactMatchWithinPromise, distributions }: FeatureSnapshot): boolean {
  return (
    causes.unexplained !== undefined ||
    matchLevel(exactMatchWithinPromise ?? 1) !== 'ok' ||
    (distributions?.kind === 'numeric' && distributions.ks.level === 'alarm')
  );
}
