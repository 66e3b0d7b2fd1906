/** Permanent addresses of everything that has a page, and links to them. */
import { html } from '../../project/page/markup.ts';
import type { Markup } from '../../project/page/markup.ts';
import { featureName } from '../known/catalogue.ts';

export type PlaceKind =
  | 'entity'
  | 'source'
  | 'view'
  | 'feature'
  | 'service'
  | 'model'
  | 'run'
  | 'training-set'
  | 'incident'
  | 'owner';

const FOLDERS: Readonly<Record<PlaceKind, string>> = {
  entity: 'entities',
  source: 'sources',
  view: 'views',
  feature: 'features',
  service: 'services',
  model: 'models',
  run: 'runs',
  'training-set': 'training-sets',
  incident: 'incidents',
  owner: 'owners',
};

/** `/features/purchases__count_7d` */
function addressOf(kind: PlaceKind, name: string): string {
  return `/${FOLDERS[kind]}/${encodeURIComponent(name).replaceAll('%40', '@').replaceAll('%3A', ':')}`;
}

export function link(kind: PlaceKind, name: string, words: string = name): Markup {
  return html`<a href="${addressOf(kind, name)}">${words}</a>`;
}

export function featureLink(view: string, feature: string): Markup {
  return link('feature', featureName(view, feature));
}

/** Whoever is asked about a thing; empty where nobody is named. */
export function ownerLink(owner: string | null): Markup | string {
  return owner === null ? '' : link('owner', owner);
}

/** Several, with commas between them. */
export function links(kind: PlaceKind, names: readonly string[]): Markup[] {
  return names.map((name, i) => html`${i > 0 && ', '}${link(kind, name)}`);
}

/** The report of a day, which the monitor drew. */
export function reportLink(service: string, date: string, words: string): Markup {
  return html`<a href="/reports/${service}/${date}.html">${words}</a>`;
}
