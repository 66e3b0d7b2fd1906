/** The frame of every page: it has no script, asks nothing of any host, and its own security policy forbids both. */
import { Markup, html } from './markup.ts';
import { CHART_STYLE } from './chart-style.ts';
import { PAGE_STYLE } from './page-style.ts';

export function document(title: string, body: Markup): Markup {
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
          ${new Markup(PAGE_STYLE + CHART_STYLE)}
        </style>
      </head>
      <body>
        ${body}
      </body>
    </html> `;
}
