/** What other settings would have served, where somebody has asked since the day was judged. */
import type { Snapshot } from '../../verdict/snapshot.ts';
import type { ToldSetting, ToldView } from '../../whatif/told-what-if.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { foldedOnPhone } from '../../../project/page/phone-fold.ts';
import { table } from '../../../project/page/table.ts';
import { durationText, momentText, percentText } from '../../../project/page/value-text.ts';
import { axisStart, settingRange } from './charts/setting-range.ts';
import { term } from './glossary.ts';

export function whatIfSection({ whatIf, date }: Pick<Snapshot, 'whatIf' | 'date'>): Part {
  if (whatIf === undefined || whatIf.views.length === 0) return null;
  const { askedAt, sampled, views } = whatIf;
  const of = sampled === null ? '' : ` for ${percentText(sampled)} of the entities`;
  return html`<section class="whatif">
    <h2>What other settings would have served</h2>
    <p class="soft">
      ${`The vectors of the day answered anew${of}, one setting changed at a time; asked ${momentText(askedAt, date)}.`}
      Matches are of ${term('present', 'values present')}.
    </p>
    ${views.map(viewPart)}
  </section>`;
}

function viewPart({ role, view, unknown, settings, notes }: ToldView): Markup {
  const name =
    role === view ? html`<code>${view}</code>` : html`<code>${role}</code> <small>of ${view}</small>`;
  return html`<h4>${name}</h4>
    ${
      unknown === null
        ? foldedOnPhone(`${settings.length} lines`, settingsTable(view, settings))
        : html`<p class="soft">${sentence(unknown)}</p>`
    }
    ${
      notes.length > 0 &&
      html`<ul class="notes">
        ${notes.map((note) => html`<li>${sentence(note)}</li>`)}
      </ul>`
    }`;
}

function sentence(part: string): string {
  return `${part.charAt(0).toUpperCase()}${part.slice(1)}.`;
}

function settingsTable(view: string, settings: readonly ToldSetting[]): Markup {
  const base = settings.find(({ isBase }) => isBase) ?? null;
  const start = axisStart(settings);
  const isComputed = settings.some(({ otherValues }) => otherValues !== undefined);
  const age = (us: number | null | undefined): string => (typeof us === 'number' ? durationText(us) : '–');
  return table<ToldSetting>(
    `${view}: exact match (open) and match within the promise (filled), from ${percentText(start)} to 100\u00a0%; the line is what is in force`,
    [
      { head: 'Setting', cell: ({ name, isBase }) => (isBase ? html`<b>${name}</b>` : name) },
      { head: 'Exact', number: true, cell: ({ exactMatch }) => percentText(exactMatch) },
      {
        head: 'Within the promise',
        number: true,
        cell: ({ exactMatchWithinPromise }) => percentText(exactMatchWithinPromise),
      },
      { head: 'Matches', cell: (one) => settingRange(one, start, base) },
      ...(isComputed
        ? [
            {
              head: 'Other values',
              number: true,
              cell: ({ otherValues = null }: ToldSetting) => percentText(otherValues),
            },
          ]
        : [
            { head: 'Median age', number: true, cell: ({ ageP50Us }: ToldSetting) => age(ageP50Us) },
            { head: 'p99 age', number: true, cell: ({ ageP99Us }: ToldSetting) => age(ageP99Us) },
          ]),
    ],
    settings,
    'whatif',
  );
}
