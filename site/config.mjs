// How VitePress builds the pages that build.mjs has put into `.pages`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;

export default {
  title: 'Plumbline',
  description: 'Feature serving that proves each day that what a model was served is what it was trained on',
  lang: 'en',
  base: process.env.SITE_BASE ?? '/',
  lastUpdated: false,
  metaChunk: true,
  markdown: {
    // Pages are Markdown alone: what looks like HTML in them is text.
    html: false,
    anchor: { slugify: githubSlug },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    sidebar: JSON.parse(readFileSync(join(here, '.pages/sidebar.json'), 'utf8')),
    nav: [
      { text: 'Ten minutes', link: '/tutorial' },
      { text: 'All pages', link: '/contents' },
    ],
    docFooter: { prev: false, next: false },
  },
};

/** The anchors of headings as GitHub makes them, since links are checked by those. */
function githubSlug(text) {
  return text
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}
