/**
 * The index of all reports: for each service the newest hour where it is newer than the newest day, thirty days as
 * shapes, and a line a day, newest first. A day whose snapshot cannot be read is named with the reason. Pure.
 */
import type { JudgedDate } from '../judged-days.ts';
import { spanText } from '../../judged-span.ts';
import { spanOfDayText } from './headline.ts';
import { document } from '../../../project/page/document.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { counted, dayText, shortened } from '../../../project/page/value-text.ts';
import { verdictIcon } from '../../../project/page/verdict-icon.ts';
import { VERDICT_WORDS, bareSentence } from '../../../project/page/verdict-words.ts';

const DAY_MS = 86_400_000;
/** Days in the row of shapes, and days that are listed before the rest is folded. */
const DAYS = 30;
const MOST_CHARACTERS = 400;

/** @param dates  all days and hours of all services: services by name, each newest first */
export function renderIndex(project: string, dates: readonly JudgedDate[]): string {
  const services = [...Map.groupBy(dates, ({ service }) => service)];
  const newest = dates.reduce((last, { date }) => (date > last ? date : last), '');
  return document(
    `${project} · skew reports`,
    html`<main>
      <header class="top">
        <div class="over"><span>${project}</span></div>
        <h1>Skew reports</h1>
        <p class="fine">
          Whether models were served what they would be trained on, day by day. Days are of UTC.
        </p>
      </header>
      ${
        services.length === 0 &&
        html`<section>
          <p>No day was judged yet. Run <code>plumb monitor run --date DAY</code>.</p>
        </section>`
      }
      ${services.map(([service, days]) => serviceSection(service, days, newest))}
    </main>`,
  ).text;
}

function serviceSection(service: string, dates: readonly JudgedDate[], newest: string): Markup {
  const days = dates.filter(({ hour }) => hour === undefined);
  const hour = dates.find((one) => one.hour !== undefined && one.date > (days[0]?.date ?? ''));
  const shown = days.slice(0, DAYS);
  const older = days.slice(DAYS);
  return html`<section>
    <h2>${service}</h2>
    ${shapes(days, newest)} ${dayTable(hour === undefined ? shown : [hour, ...shown])}
    ${
      older.length > 0 &&
      html`<details class="fold">
        <summary>${counted(older.length, 'earlier day')}</summary>
        ${dayTable(older)}
      </details>`
    }
  </section>`;
}

/** The days up to the newest of all services as shapes, each a link; a dot is a day without a verdict. */
function shapes(days: readonly JudgedDate[], newest: string): Markup {
  const byDate = new Map(days.map((day) => [day.date, day]));
  const last = Date.parse(newest);
  const row = Array.from({ length: DAYS }, (_, i) => {
    const date = new Date(last - (DAYS - 1 - i) * DAY_MS).toISOString().slice(0, 10);
    const day = byDate.get(date);
    return html`<li>${day === undefined ? noDay(date) : shape(day)}</li>`;
  });
  return html`<ol class="shapes" aria-label="The last ${DAYS} days">
    ${row}
  </ol>`;
}

function noDay(date: string): Markup {
  return html`<span class="no-day" title="${dayText(date)}: not judged"></span>`;
}

function shape(day: JudgedDate): Markup {
  const words = day.verdict === null ? 'cannot be read' : VERDICT_WORDS[day.verdict];
  const label = `${dayText(day.date)}: ${words}`;
  if (!day.hasPage) return html`<span title="${label}" role="img" aria-label="${label}">${icon(day)}</span>`;
  return html`<a href="${pageOf(day)}" title="${label}" aria-label="${label}">${icon(day)}</a>`;
}

function icon({ verdict }: JudgedDate): Markup {
  return verdict === null ? html`<span class="unreadable" aria-hidden="true">?</span>` : verdictIcon(verdict);
}

function pageOf(day: JudgedDate): string {
  return `${encodeURIComponent(day.service)}/${spanText(day)}.html`;
}

function dayTable(days: readonly JudgedDate[]): Markup {
  return html`<table class="days">
    <tbody>
      ${days.map(
        (day) =>
          html`<tr>
            <th scope="row">${dayLink(day)}</th>
            <td class="verdict-cell ${day.verdict}">${icon(day)}${verdictWords(day)}</td>
            <td>${sentenceOf(day)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function dayLink(day: JudgedDate): Part {
  const text = spanOfDayText(day);
  return day.hasPage ? html`<a href="${pageOf(day)}">${text}</a>` : text;
}

function verdictWords({ verdict, provisional }: JudgedDate): Part {
  if (verdict === null) return 'Cannot be read';
  return [VERDICT_WORDS[verdict], provisional && html` <small>provisional</small>`];
}

function sentenceOf({ verdict, sentence }: JudgedDate): string {
  return shortened(verdict === null ? sentence : bareSentence(sentence, verdict), MOST_CHARACTERS);
}
