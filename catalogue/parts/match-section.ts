/** What nobody else shows, and what pages lead with: how what was served matched, why not, and how old it was. */
import { mismatches } from '../../contract/cause.ts';
import type { CauseCount } from '../../contract/cause.ts';
import { CAUSE_GUIDE } from '../../project/page/cause-guide.ts';
import { causeBar } from '../../project/page/charts/cause-bar.ts';
import { trendChart, trendDays } from '../../project/page/charts/trend-chart.ts';
import { key } from '../../project/page/key.ts';
import { html, withCode } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import {
  countText,
  counted,
  dayText,
  durationText,
  percentText,
  shareText,
} from '../../project/page/value-text.ts';
import type { AgeDay } from '../../project/database/verdict-table.ts';
import type { Matched } from '../known/match.ts';
import { ageChart } from './age-chart.ts';

export function keyFigures(
  { last }: Matched,
  age: { readonly newest: AgeDay | null; readonly promisedUs: number } | null,
): Markup {
  const figure = (name: string, value: string, note: string, bad = false): Markup =>
    html`<div ${bad && html`class="bad"`}>
      <dt>${name}</dt>
      <dd><b>${value}</b><span>${note}</span></dd>
    </div>`;
  if (last === null)
    return html`<p class="note">
      Nothing of it was judged in the last 30 days: nobody knows whether what was served is what models were
      trained on. <code>plumb monitor run</code> judges a day.
    </p>`;
  const { exactMatch, exactMatchWithinPromise, coverage, nullShare, level, present, beyondPromise } = last;
  const isBad = level === 'alert' || level === 'alarm';
  return html`<dl class="figures">
    ${figure('Exact match', percentText(exactMatch), `${dayText(last.date)}, ${counted(present, 'value')}`, isBad)}
    ${figure('Within the promise', percentText(exactMatchWithinPromise), `${countText(beyondPromise)} beyond it`, isBad)}
    ${
      age === null
        ? figure('Age as served', 'none', 'computed when asked for')
        : figure(
            'Oldest as served',
            age.newest?.ageUs == null ? 'unknown' : durationText(age.newest.ageUs),
            `promised ${durationText(age.promisedUs)}`,
            (age.newest?.ageUs ?? 0) > age.promisedUs,
          )
    }
    ${figure('Coverage', percentText(coverage), `null ${nullShare === null ? '–' : shareText(nullShare)}`)}
  </dl>`;
}

/** @param age  null: no view's data has an age */
export function matchSection(
  { days, causes, last }: Matched,
  age: { readonly days: readonly AgeDay[]; readonly promisedUs: number } | null,
): Part {
  if (last === null) return null;
  return html`<section>
    <h2>The last 30 days</h2>
    ${trendDays(last.date)}
    <div class="two">
      <figure>
        <figcaption>
          Match
          ${key(['line within', 'within the promise'], ['line exact', 'exact'], ['interval', 'interval over rows'])}
        </figcaption>
        ${trendChart(days, last.date)}
      </figure>
      ${age !== null && ageFigure(age, last.date)}
    </div>
    ${causesTable(causes)}
  </section>`;
}

function ageFigure(
  age: { readonly days: readonly AgeDay[]; readonly promisedUs: number },
  date: string,
): Markup {
  const late = age.days.filter(({ hoursBeyond }) => hoursBeyond > 0);
  return html`<figure>
    <figcaption>
      Oldest data as served
      ${key(['age', 'greatest age of the day'], ['line stopped', `promised ${durationText(age.promisedUs)}`])}
    </figcaption>
    ${ageChart(age.days, age.promisedUs, date)}
    <p class="soft">
      ${
        late.length === 0
          ? `The promise was kept in every hour of ${counted(age.days.length, 'day')}.`
          : `Past the promise in ${counted(
              late.reduce((sum, { hoursBeyond }) => sum + hoursBeyond, 0),
              'hour',
            )} of ${counted(late.length, 'day')}.`
      }
    </p>
  </figure>`;
}

function causesTable(causes: readonly CauseCount[]): Part {
  const all = mismatches(causes);
  if (all === 0) return html`<p class="lead">Not one value differed from what training sees.</p>`;
  return html`<h3>Why values differed</h3>
    ${causeBar(causes)}
    ${table(
      `${counted(all, 'mismatch').replace('mismatchs', 'mismatches')} of 30 days by cause`,
      [
        {
          head: 'Cause',
          cell: ({ cause }) => html`<i class="swatch ${CAUSE_GUIDE[cause].family}"></i>${cause}`,
        },
        { head: 'Values', number: true, cell: ({ values }) => countText(values) },
        { head: 'Beyond the promise', number: true, cell: ({ beyondPromise }) => countText(beyondPromise) },
        {
          head: 'What to do',
          cell: ({ cause }) =>
            html`${CAUSE_GUIDE[cause].means} <small>${withCode(CAUSE_GUIDE[cause].next)}</small>`,
        },
      ],
      causes,
    )}`;
}
