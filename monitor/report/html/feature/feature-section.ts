/**
 * The section of one feature: figures, states, causes, distributions, trend, example rows. Folded unless the feature
 * needs a look.
 */
import { LIMITS } from '../../../limits.ts';
import type { Distributions } from '../../../statistics/distributions.ts';
import type { FeatureSnapshot, Snapshot } from '../../../verdict/snapshot.ts';
import { causeBar, leadingCauses } from '../../../../project/page/charts/cause-bar.ts';
import { CAUSE_GUIDE } from '../../../../project/page/cause-guide.ts';
import { categoryChart, histogramChart } from '../charts/distribution-chart.ts';
import { ecdfChart, hasFunctions } from '../charts/ecdf-chart.ts';
import { examplesOf } from './examples.ts';
import type { ExampleLimit } from './examples.ts';
import { breakable } from '../feature-table.ts';
import { driftLines } from './drift-lines.ts';
import { causeLink, term } from '../glossary.ts';
import { key } from '../../../../project/page/key.ts';
import { html } from '../../../../project/page/markup.ts';
import type { Markup, Part } from '../../../../project/page/markup.ts';
import { foldedOnPhone } from '../../../../project/page/phone-fold.ts';
import { matchTable, statesTable } from './match-table.ts';
import { likenessText } from '../../likeness-text.ts';
import { mismatches } from '../../../../contract/cause.ts';
import { causesOf } from '../../ranking.ts';
import { trendOf } from '../feature-trend.ts';
import { trendChart } from '../../../../project/page/charts/trend-chart.ts';
import {
  countText,
  counted,
  durationText,
  percentText,
  shareText,
} from '../../../../project/page/value-text.ts';

interface FeatureOptions {
  /** The feature's number, which links to it use. */
  readonly place: number;
  readonly open: boolean;
  readonly examples: ExampleLimit;
}

const NO_NUMBERS = html`<p class="soft">
  No pair has a finite number on both sides: there is no distribution.
</p>`;
const EXAMPLES_HEAD = html`<h4 class="examples-head">Example rows</h4>`;
const NO_EXAMPLE_ROWS = html`<p class="soft">The snapshot holds no example rows of this feature.</p>`;

export function featureSection(
  snapshot: Snapshot,
  feature: FeatureSnapshot,
  options: FeatureOptions,
): Markup {
  const causes = causesOf(feature);
  const examples = feature.examples.length > 0;
  // What is folded by itself has no folds within.
  const folded = options.open ? foldedOnPhone : (_words: string, content: Part): Part => content;
  return html`<details class="feature" ${options.open && html` open`}>
    <summary>
      <h3>${breakable(feature.name)}</h3>
      <span class="soft">${summaryWords(feature)}</span>
    </summary>
    <div class="body" id="f${options.place}">
      <p class="soft">
        ${feature.description !== null && sentence(feature.description)}
        <code>${feature.type}</code> of view <code>${feature.view}</code>
      </p>
      <div class="pair">
        <div>${matchTable(feature)}</div>
        <div>${statesTable(feature)}${causeList(feature)}</div>
      </div>
      ${driftLines(feature, snapshot.drift)}
      ${folded(
        'Distribution and last 30 days',
        html`<div class="charts">
          ${distributionFigures(feature)}
          <figure>
            <figcaption>Last 30 days ${TREND_KEY}</figcaption>
            ${trendChart(trendOf(snapshot, feature), snapshot.date, LIMITS.alertBelow)}
          </figure>
        </div>`,
      )}
      ${
        examples &&
        folded('Example rows', [EXAMPLES_HEAD, examplesOf(feature, snapshot.date, options.examples)])
      }
      ${!examples && causes.length > 0 && NO_EXAMPLE_ROWS}
    </div>
  </details>`;
}

/** Makes a description a sentence: it may lack the capital or the full stop. */
function sentence(text: string): string {
  const trimmed = text.trim().replace(/\.$/, '');
  return `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}. `;
}

function summaryWords(feature: FeatureSnapshot): Part {
  if (feature.present === 0) return 'not compared';
  const causes = causesOf(feature);
  const within = percentText(feature.exactMatchWithinPromise);
  const words = `${within} within the promise, ${percentText(feature.exactMatch)} exact`;
  return causes.length === 0 ? words : `${words} · ${leadingCauses(causes)}`;
}

function causeList(feature: FeatureSnapshot): Part {
  const causes = causesOf(feature);
  const all = mismatches(causes);
  if (all === 0) return feature.present > 0 && html`<p class="soft">No value differed.</p>`;
  const looksLike = likenessText(feature.looksLike);
  const also = Object.entries(feature.also).filter(([, values]) => values > 0);
  return html`<table class="plain cause-list">
      <caption>
        ${`Causes of ${counted(all, 'mismatch').replace(/mismatchs$/, 'mismatches')}`}${causeBar(causes)}
      </caption>
      <thead>
        <tr>
          <th>Cause</th>
          <th>Values</th>
          <th>Share</th>
          <th>Beyond the promise</th>
        </tr>
      </thead>
      <tbody>
        ${causes.map(
          ({ cause, values, beyondPromise }) =>
            html`<tr ${beyondPromise === 0 && PALE}>
              <th scope="row"><i class="swatch ${CAUSE_GUIDE[cause].family}"></i>${causeLink(cause)}</th>
              <td>${countText(values)}</td>
              <td>${shareText(values / all)}</td>
              <td>${beyondPromise === 0 ? '–' : countText(beyondPromise)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    ${
      also.length > 0 &&
      html`<p class="soft">
        ${`Beside them: ${also.map(([cause, values]) => `${cause} (${countText(values)})`).join(', ')}.`}
      </p>`
    }
    ${looksLike !== null && html`<p class="soft">${looksLike}</p>`}`;
}

const PALE = html`class="pale"`;
const SIDES_KEY = key(['served', 'served'], ['line replayed', 'replayed']);
const TREND_KEY = key(
  ['line within', 'within the promise'],
  ['line exact', 'exact'],
  ['interval', '95 % interval'],
);

function distributionFigures(feature: FeatureSnapshot): Part {
  const { distributions } = feature;
  if (distributions === null) return null;
  if (distributions.kind === 'no numbers') return NO_NUMBERS;
  if (distributions.kind === 'categorical') {
    return html`<figure class="wide">
      <figcaption>${`Values, widest gap ${shareText(distributions.lInfinity)}`} ${SIDES_KEY}</figcaption>
      ${categoryChart(distributions)}
    </figure>`;
  }
  if (distributions.kind !== 'numeric') return html`<p class="soft">${differenceText(distributions)}</p>`;
  return html`<figure>
      <figcaption>Distribution ${SIDES_KEY}</figcaption>
      ${histogramChart(distributions, feature.type)}
    </figure>
    ${
      distributions.ks.d === 0
        ? html`<p class="soft">Both sides have one distribution: ${term('distance', 'D')} is 0.</p>`
        : html`<figure>
            <figcaption>${hasFunctions(distributions) && 'Cumulative '}${ksWords(distributions)}</figcaption>
            ${hasFunctions(distributions) && ecdfChart(distributions, feature.type)}
          </figure>`
    }`;
}

/** What is told of values without a picture: times, embeddings, lists. */
function differenceText(
  one: Exclude<Distributions, { readonly kind: 'numeric' | 'no numbers' | 'categorical' }>,
): string {
  const pairs = `${one.differing} of ${one.pairs} pairs differ`;
  switch (one.kind) {
    case 'times':
      return one.apart === null
        ? `${pairs}.`
        : `${pairs}, by ${durationText(Math.round(one.apart.median * 1e6))} in the median and ${durationText(Math.round(one.apart.most * 1e6))} at most; D = ${one.d.toFixed(4)}.`;
    case 'embedding':
      return one.cosine === null
        ? `${pairs}.`
        : `${pairs}, in ${one.componentsDiffering} components; cosine ${one.cosine.mean.toFixed(4)} in the mean, ${one.cosine.least.toFixed(4)} at least.`;
    case 'list':
      return `${pairs}, by ${one.editDistance.most} items at most (edit distance); mean length ${one.meanLength.served.toFixed(2)} served, ${one.meanLength.replayed.toFixed(2)} replayed.`;
  }
}

function ksWords({ ks }: Extract<Distributions, { readonly kind: 'numeric' }>): Markup {
  const [warn, alarm] = [LIMITS.distanceWarn.toFixed(2), LIMITS.distanceAlarm.toFixed(2)];
  const words = { ok: `below ${warn}`, warn: `warns from ${warn}`, alarm: `alarm from ${alarm}` };
  const text = ks.level === null ? `no level under ${LIMITS.leastPairs} pairs` : words[ks.level];
  return html`<span class="key ${ks.level ?? 'ok'}">${`D = ${ks.d.toFixed(4)}, ${text}`}</span>`;
}
