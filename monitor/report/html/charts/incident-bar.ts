/** When an incident was, as a bar over the hours of the day: it takes the width that there is. */
import type { Incident } from '../../../verdict/snapshot.ts';
import { CAUSE_GUIDE } from '../../../../project/page/cause-guide.ts';
import { html } from '../../../../project/page/markup.ts';
import type { Markup } from '../../../../project/page/markup.ts';
import { momentText } from '../../../../project/page/value-text.ts';
import { minuteOfDay } from './day-axis.ts';

export function incidentBar({ from, to, cause }: Incident, date: string): Markup {
  const [start, end] = [minuteOfDay(from, date), minuteOfDay(to, date)];
  const words = `From ${momentText(from, date)} to ${momentText(to, date)}, in the 24 hours of the day`;
  return html`<svg class="when" viewBox="0 0 1440 10" preserveAspectRatio="none" role="img">
    <title>${words}</title>
    <rect class="rest" width="1440" height="10" />
    <rect
      class="${CAUSE_GUIDE[cause].family}"
      x="${start}"
      width="${Math.max(12, end - start)}"
      height="10"
    />
  </svg>`;
}
