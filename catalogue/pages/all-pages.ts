/** Every page that there is. */
import { AROUND_PAGES } from './around-pages.ts';
import { AUDIT_PAGE } from './audit-page.ts';
import { FEATURE_PAGE } from './feature-page.ts';
import { HOME_PAGE } from './home-page.ts';
import { INCIDENT_PAGES } from './incident-pages.ts';
import { LISTING_PAGES } from './listing-pages.ts';
import type { AnyPage } from './page.ts';
import { RUN_PAGES } from './run-pages.ts';
import { SEARCH_PAGE } from './search-page.ts';
import { SERVICE_PAGE } from './service-page.ts';
import { TRAINING_PAGES } from './training-pages.ts';
import { VIEW_PAGE } from './view-page.ts';

export const PAGES: readonly AnyPage[] = [
  HOME_PAGE,
  SEARCH_PAGE,
  ...LISTING_PAGES,
  FEATURE_PAGE,
  VIEW_PAGE,
  SERVICE_PAGE,
  ...AROUND_PAGES,
  ...RUN_PAGES,
  ...TRAINING_PAGES,
  ...INCIDENT_PAGES,
  AUDIT_PAGE,
];
