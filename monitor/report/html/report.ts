/**
 * The daily skew report: one HTML file that needs no other file, drawn from one snapshot alone.
 *
 * The order serves a reader who was woken by an alert: what is the verdict, what is unexplained, what broke since
 * yesterday, why, which features, was a run late; then every feature in full. The page has no script and makes no
 * request: its own security policy forbids both. Called by `monitor run` and `monitor report`; pure.
 */
import { matchLevel } from '../../limits.ts';
import type { FeatureSnapshot, Snapshot } from '../../verdict/snapshot.ts';
import { causesSection } from './causes-section.ts';
import { changesSection } from './changes-section.ts';
import { examplesOf } from './examples.ts';
import type { ExampleLimit } from './examples.ts';
import { featureSection } from './feature-section.ts';
import { featureLinks, featureTable } from './feature-table.ts';
import type { FeatureLink } from './feature-table.ts';
import { headline, keyFigures, notCompared } from './headline.ts';
import { Markup, html } from './markup/markup.ts';
import type { Part } from './markup/markup.ts';
import { worstFirst } from './mismatch.ts';
import { PAGE_STYLE } from './markup/page-style.ts';
import { dayText } from './markup/value-text.ts';
import { viewsSection } from './views-section.ts';

/** The largest page; 200 features fit, each with a few examples. */
export const MAX_REPORT_BYTES = 2_000_000;
/** How many example rows to draw, largest first: the first that keeps the page below its limit is taken. */
const LIMITS_TRIED: readonly ExampleLimit[] = [
  ...[20, 10, 5, 3, 2, 1].map((rows) => ({ rows, causes: Infinity })),
  { rows: 1, causes: 2 },
  { rows: 1, causes: 1 },
];
const NO_EXAMPLES: ExampleLimit = { rows: 0, causes: 0 };
/**
 * The least bytes of an example row; with the size of the page without examples, this saves drawing pages that cannot
 * fit.
 */
const LEAST_EXAMPLE_BYTES = 300;
/** From this many features on, the page without examples is drawn first, to know its size. */
const FEW_EXAMPLES_FROM = 50;
/** Up to this many features are all unfolded; of more, only those that need a look. */
const FEW_FEATURES = 4;
const MOST_OPEN = 6;

/**
 * @returns  the HTML of the whole page, at most 2 MB for 200 features: if examples would exceed that, fewer of each
 *           cause are drawn, and the page says how many there are
 */
export function renderReport(snapshot: Snapshot): string {
  const bare = snapshot.features.length > FEW_EXAMPLES_FROM ? page(snapshot, NO_EXAMPLES).text : '';
  const bareBytes = Buffer.byteLength(bare);
  for (const limit of LIMITS_TRIED) {
    const leastBytes = bareBytes + examplesDrawn(snapshot, limit) * LEAST_EXAMPLE_BYTES;
    if (leastBytes > MAX_REPORT_BYTES) continue;
    const { text } = page(snapshot, limit);
    if (Buffer.byteLength(text) <= MAX_REPORT_BYTES) return text;
  }
  return bare === '' ? page(snapshot, NO_EXAMPLES).text : bare;
}

function examplesDrawn({ features }: Snapshot, limit: ExampleLimit): number {
  let rows = 0;
  for (const { examples } of features) {
    const drawn = new Map<string, number>();
    for (const {
      causes: [cause],
    } of examples)
      drawn.set(cause, Math.min(limit.rows, (drawn.get(cause) ?? 0) + 1));
    for (const count of [...drawn.values()].slice(0, limit.causes)) rows += count;
  }
  return rows;
}

const NO_FEATURES = html`<p>No feature of this service was compared on that day.</p>`;

function page(snapshot: Snapshot, limit: ExampleLimit): Markup {
  const link = featureLinks(snapshot);
  const title = `${snapshot.service}, ${dayText(snapshot.date)}: ${snapshot.verdict} · skew report`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${new Markup(PAGE_STYLE)}
        </style>
      </head>
      <body>
        <main>
          ${headline(snapshot)}${keyFigures(snapshot)} ${unexplainedSection(snapshot, link, limit)}
          ${snapshot.features.length > 0 && [changesSection(snapshot, link), causesSection(snapshot, link)]}
          ${notCompared(snapshot)}
          <section>
            <h2>Features</h2>
            ${snapshot.features.length === 0 ? NO_FEATURES : featureTable(snapshot, link)}
          </section>
          ${viewsSection(snapshot)} ${featuresSection(snapshot, limit)}
        </main>
        <footer>
          <p>
            ${`Drawn from ${snapshot.service}’s JSON snapshot of ${snapshot.date}, which holds every figure and example shown here.`}
          </p>
        </footer>
      </body>
    </html> `;
}

/** The section of unexplained mismatches, with example rows, above everything else. */
function unexplainedSection(snapshot: Snapshot, link: FeatureLink, limit: ExampleLimit): Part {
  const features = snapshot.features.filter((feature) => feature.causes.unexplained !== undefined);
  if (features.length === 0) return null;
  const shown = features.slice(0, MOST_OPEN);
  return html`<section class="unexplained-first">
    <h2>Unexplained</h2>
    <p>No known cause fits these values. They need a person.</p>
    ${shown.map((feature) => {
      const examples = feature.examples.filter((example) => example.causes[0] === 'unexplained');
      return html`<h3>${link(feature.name)}</h3>
        ${examplesOf({ ...feature, examples }, snapshot.date, { ...limit, rows: Math.min(3, limit.rows) })}`;
    })}
    ${
      features.length > shown.length &&
      html`<p class="soft">
        ${`And in ${features.length - shown.length} more features, marked in the table.`}
      </p>`
    }
  </section>`;
}

function featuresSection(snapshot: Snapshot, limit: ExampleLimit): Part {
  if (snapshot.features.length === 0) return null;
  const places = new Map(snapshot.features.map((feature, i) => [feature, i]));
  const ordered = worstFirst(snapshot.features);
  const open = new Set(
    ordered.length <= FEW_FEATURES ? ordered : ordered.filter(needsALook).slice(0, MOST_OPEN),
  );
  return html`<section>
    <h2>Each feature</h2>
    ${ordered.map((feature) =>
      featureSection(snapshot, feature, {
        place: places.get(feature)!,
        open: open.has(feature),
        examples: limit,
      }),
    )}
  </section>`;
}

function needsALook({ causes, exactMatchWithinPromise, distributions }: FeatureSnapshot): boolean {
  return (
    causes.unexplained !== undefined ||
    matchLevel(exactMatchWithinPromise ?? 1) !== 'ok' ||
    (distributions?.kind === 'numeric' && distributions.ks.level === 'alarm')
  );
}
