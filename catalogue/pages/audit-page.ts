/** The audit, for admins: who applied, was refused, or used a token, the newest first. */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { html } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import type { Drawn } from '../parts/frame.ts';
import { page } from './page.ts';
import type { Asked } from './page.ts';

const MOST_ENTRIES = 200;

async function readAudit({ database }: CatalogueNow, { query }: Asked) {
  const who = query('who');
  const entries = await database.access.audit({ most: MOST_ENTRIES, ...(who === undefined ? {} : { who }) });
  return { entries: entries.map(({ atUs, ...entry }) => ({ at: formatTimestamp(atUs), ...entry })) };
}

type AuditData = Awaited<ReturnType<typeof readAudit>>;

function drawAudit({ entries }: AuditData): Drawn {
  return {
    title: 'Audit',
    body: html`<h1>Audit</h1>
      ${entries.length === 0 ? html`<p class="lead">Nothing was applied, refused or asked for with a token yet.</p>` : auditTable(entries)}`,
  };
}

function auditTable(entries: AuditData['entries']) {
  return table(
    `The newest ${entries.length}`,
    [
      { head: 'When', cell: ({ at }) => at.slice(0, 19).replace('T', ' ') },
      {
        head: 'Who',
        cell: ({ who }) => html`<a href="${`/audit?who=${encodeURIComponent(who)}`}">${who}</a>`,
      },
      { head: 'By', cell: ({ via }) => via },
      { head: 'What', cell: ({ what }) => what },
      { head: 'More', cell: ({ detail }) => detail },
    ],
    entries,
  );
}

export const AUDIT_PAGE = page<AuditData>({
  path: '/audit',
  needs: 'admin',
  read: readAudit,
  draw: drawAudit,
});
