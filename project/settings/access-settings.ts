/** Whether callers must say who they are, and who else may say it for them: `access`. Off on a laptop. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { OIDC_SETTINGS, oidcSettings } from './oidc-settings.ts';
import type { OidcSettings } from './oidc-settings.ts';
import { flag, list, localPath } from './setting-values.ts';

export interface AccessSettings {
  /** Whether a caller of the registry and the catalogue must be known. */
  readonly enabled: boolean;
  readonly proxy: ProxySettings;
  /** Where people log in; null: nowhere. */
  readonly oidc: OidcSettings | null;
  /** File in PEM, absolute, of the authorities of that server and of a registry over HTTPS; null: the machine's. */
  readonly ca: string | null;
}

export interface ProxySettings {
  /** Addresses and networks (`10.0.0.0/8`) of proxies that check people; none: there is no proxy. */
  readonly from: readonly string[];
  /** In lower case. */
  readonly userHeader: string;
  /** In lower case; null: whom the proxy lets through may read. */
  readonly roleHeader: string | null;
  /** In lower case, its teams with commas between; null: nobody has any. */
  readonly teamsHeader: string | null;
}

/** Those that mean something else already. */
const TAKEN: ReadonlySet<string> = new Set(['authorization', 'connection', 'cookie', 'host', 'origin']);

const header = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, 'expected the name of a header: letters, digits and -')
  .transform((name) => name.toLowerCase())
  .refine((name) => !TAKEN.has(name), 'that header means something else: let the proxy send one of its own');

const PROXY = z
  .strictObject({
    from: list
      .refine((all) => all.every(isNetwork), 'expected addresses or networks, such as 10.1.2.3 or 10.0.0.0/8')
      .default([]),
    userHeader: header.default('x-forwarded-user'),
    roleHeader: header.nullable().default(null),
    teamsHeader: header.nullable().default(null),
  })
  .prefault({});

export const ACCESS_SETTINGS = z
  .strictObject({
    enabled: flag.default(false),
    proxy: PROXY,
    oidc: OIDC_SETTINGS.nullable().default(null),
    ca: localPath.nullable().default(null),
  })
  .prefault({});

/** @param path  makes a path absolute against the project's folder */
export function accessSettings(
  { oidc, ca, ...given }: z.output<typeof ACCESS_SETTINGS>,
  path: (text: string) => string,
): AccessSettings {
  return {
    ...given,
    oidc: oidc === null ? null : oidcSettings(oidc, path),
    ca: ca === null ? null : path(ca),
  };
}

function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && !address.includes('%') && Number(bits ?? 0) <= (family === 4 ? 32 : 128);
}
