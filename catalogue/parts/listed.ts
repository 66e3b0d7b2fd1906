/** What several pages list: incidents, what applies have changed, the picture of the lineage. */
import { html, Markup } from '../../project/page/markup.ts';
import type { Part } from '../../project/page/markup.ts';
import { counted, dayText, momentText } from '../../project/page/value-text.ts';
import type { IncidentRecord } from '../../contract/verdict-record.ts';
import type { DefinitionChange } from '../known/changes.ts';
import type { Lineage } from '../pages/lineage-of.ts';
import { link } from './links.ts';
import { list } from './pieces.ts';

export function incidentsList(incidents: readonly IncidentRecord[], most: number): Markup {
  return list(incidents, most, incidentLine);
}

function incidentLine({
  id,
  date,
  view,
  cause,
  service,
  beyondPromise,
  from,
  to,
  models,
  level,
}: IncidentRecord): Part {
  return html`<i class="level ${level}"></i><b>${link('incident', id, `${cause} in ${view}`)}</b>
    <small
      >${`${dayText(date)}, ${momentText(from, date)} to ${momentText(to, date)}: ${counted(beyondPromise, 'value')} beyond the promise in ${service}`}${models.length > 0 && `, for ${models.join(', ')}`}</small
    >`;
}

export function changesSection(changes: readonly DefinitionChange[]): Part {
  if (changes.length === 0) return null;
  return list(
    changes,
    20,
    ({ sequence, appliedAt, author, reason, kind, details }) =>
      html`<b>${details.length > 0 ? `${kind}:` : kind}</b> ${details.join('; ')}
        <small
          >${`apply ${sequence}, ${dayText(appliedAt.slice(0, 10))}${author === '' ? '' : `, by ${author}`}${reason === '' ? '' : `: ${reason}`}`}</small
        >`,
  );
}

/** The SVG stands for itself; whatever it names is escaped where it is made. */
export function lineagePicture(lineage: Lineage | null): Part {
  if (lineage === null) return null;
  return html`<div class="picture" tabindex="0" role="group" aria-label="Lineage, scrolls sideways">
      ${new Markup(lineage.picture)}
    </div>
    ${lineage.left > 0 && html`<p class="soft">${`${counted(lineage.left, 'more thing')} not drawn: plumb lineage shows all.`}</p>`}`;
}
