/** The page that leads to everything of a full demo: the verdicts, the catalogue, the sidecar, the servers. Pure. */
import type { DemoResult } from '../../examples/retail/demo.ts';
import { document } from '../../project/page/document.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup } from '../../project/page/markup.ts';
import { withoutPassword } from '../../contract/std/secret-text.ts';
import type { Servers } from './servers.ts';

interface Running {
  readonly result: Pick<DemoResult, 'date' | 'folder' | 'snapshot' | 'streamed'>;
  readonly servers: Pick<Servers, 'online' | 'brokers' | 'registry'>;
  /** Addresses without a slash at their end. */
  readonly sidecar: string;
  readonly admin: string;
  readonly catalogue: string;
}

type Link = readonly [url: string, what: string];

/** @returns the page, and every address that it links to */
export function demoPage(running: Running): { readonly html: string; readonly links: readonly string[] } {
  const { result, servers, sidecar, admin, catalogue } = running;
  const { date, folder, snapshot, streamed } = result;
  const reports: Link[] = [snapshot, streamed].map(({ service }) => [
    `${catalogue}/reports/${service}/${date}.html`,
    `the verdict on ${service}: what it was served against what training sees`,
  ]);
  const pages: Link[] = [
    [`${catalogue}/`, 'the catalogue: features, views, services, runs, incidents'],
    [`${catalogue}/incidents`, 'what went wrong, and where'],
    [`${catalogue}/reports/index.html`, 'all reports'],
  ];
  const serving: Link[] = [
    [`${sidecar}/docs`, 'how features are asked for, and a form to try it'],
    [`${sidecar}/hot-keys`, 'the entities asked for most'],
    [`${admin}/metrics`, 'metrics, as Prometheus reads them'],
    [`${admin}/readyz`, 'whether it is ready'],
  ];
  const plumb = `npx plumb -C ${folder}`;
  const registry = servers.registry === null ? 'a file of the project' : withoutPassword(servers.registry);
  const page = document(
    'Plumbline, all of it',
    html`<main>
      <header class="top">
        <h1>Plumbline, all of it</h1>
        <p class="fine">A day of an online gift shop, ${date}, rehearsed on what runs in production.</p>
      </header>
      ${section('Verdicts', reports)} ${section('Catalogue', pages)} ${section('Sidecar', serving)}
      <section>
        <h2>Servers</h2>
        <ul>
          <li>online store: <code>${servers.online}</code></li>
          <li>vector log: Kafka at <code>${servers.brokers.join(', ')}</code></li>
          <li>registry: <code>${registry}</code></li>
        </ul>
      </section>
      <section>
        <h2>Commands</h2>
        <ul>
          <li><code>${plumb} doctor</code></li>
          <li><code>${plumb} show</code></li>
          <li><code>${plumb} monitor run --date ${date}</code></li>
          <li><code>${plumb} k8s render</code></li>
        </ul>
      </section>
    </main>`,
  ).text;
  return { html: page, links: [...reports, ...pages, ...serving].map(([url]) => url) };
}

function section(title: string, links: readonly Link[]): Markup {
  return html`<section>
    <h2>${title}</h2>
    <ul>
      ${links.map(([url, what]) => html`<li><a href="${url}">${url}</a>: ${what}</li>`)}
    </ul>
  </section>`;
}
