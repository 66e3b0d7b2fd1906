/** What a page is: an address, the data that stands there, which is also its JSON, and how that is drawn. */
import type { Role } from '../../project/access/role.ts';
import type { Drawn } from '../parts/frame.ts';
import type { CatalogueNow } from '../known/catalogue.ts';

/** What an address says. */
export interface Asked {
  /** The part behind the folder, decoded; empty where the address has none. */
  readonly name: string;
  /** A parameter of the query. */
  query(name: string): string | undefined;
}

interface CataloguePage<Data extends object> {
  /** `/features/:name`, as hono writes it. */
  readonly path: string;
  /** Who may see it; absent: whoever may read. */
  readonly needs?: Role;
  /** @returns null: there is nothing of that name */
  read(catalogue: CatalogueNow, asked: Asked): Promise<Data | null>;
  draw(data: Data): Drawn;
  /** What stands under /api, where it is not the data as it is. */
  json?(data: Data): object;
}

/** A page whose data nobody else needs to know. */
export type AnyPage = CataloguePage<never>;

export function page<Data extends object>(of: CataloguePage<Data>): AnyPage {
  return of as unknown as AnyPage;
}

/** How far pages look back. */
const SHOWN_DAYS = 30;
const DAY_MS = 86_400_000;

/** @returns the first of the last 30 days that end with this one, or with today where none was judged */
export function firstDay(newest: string | null, nowUs: number): string {
  const end = newest === null ? nowUs / 1_000 : Date.parse(newest);
  return new Date(end - (SHOWN_DAYS - 1) * DAY_MS).toISOString().slice(0, 10);
}
