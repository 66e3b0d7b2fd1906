/** Whether callers must say who they are: `access`. Off on a laptop. */
import { z } from 'zod';
import { flag } from './setting-values.ts';

export interface AccessSettings {
  /** Whether a caller of the registry and the catalogue needs a token. */
  readonly enabled: boolean;
}

export const ACCESS_SETTINGS = z.strictObject({ enabled: flag.default(false) }).prefault({});
