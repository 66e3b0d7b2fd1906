/** The identity provider: what it says of itself, read once a process, and how it is called. */
import { registryError } from '../../../contract/errors.ts';
import { CallError, httpCall } from '../../connections/http-call.ts';
import type { AccessSettings } from '../../settings/access-settings.ts';
import type { OidcSettings } from '../../settings/oidc-settings.ts';
import { allowInsecureRequests, ClientSecretBasic, customFetch, discovery, None } from 'openid-client';
import type { Configuration } from 'openid-client';

/** Of one answer of the provider. */
const LIMIT_MS = 10_000;
const MAX_BYTES = 1 << 20;

type IssuerFetch = (url: string, options: IssuerRequest) => Promise<Response>;

interface IssuerRequest {
  readonly method?: string;
  readonly headers?: RequestInit['headers'] | undefined;
  readonly body?: unknown;
}

/** @param ca  file in PEM of the authorities to trust; null: those of the machine */
export function issuerFetch(ca: string | null): IssuerFetch {
  return async (url, { method = 'GET', headers, body }) => {
    const answer = await httpCall({
      method: method as 'GET' | 'POST',
      url,
      headers: Object.fromEntries(new Headers(headers)),
      ...(body === undefined || body === null ? {} : { body: String(body) }),
      limitMs: LIMIT_MS,
      ca,
      maxBytes: MAX_BYTES,
    });
    const { status, text } = answer;
    const type = answer.headers['content-type'] ?? 'application/json';
    return new Response(status === 204 || text === '' ? null : text, {
      status,
      headers: { 'content-type': type },
    });
  };
}

/**
 * @param client  that asks; with a secret it is a confidential one
 * @throws REG_ISSUER where the provider is away, or is another one than its settings say
 */
export async function issuerConfiguration(
  { issuer }: Pick<OidcSettings, 'issuer'>,
  { ca }: Pick<AccessSettings, 'ca'>,
  client: { readonly id: string; readonly secret: string | null },
): Promise<Configuration> {
  const fetchBy = issuerFetch(ca);
  try {
    return await discovery(
      new URL(issuer),
      client.id,
      undefined,
      client.secret === null ? None() : ClientSecretBasic(client.secret),
      {
        [customFetch]: fetchBy,
        // The settings take http:// on loopback alone.
        execute: issuer.startsWith('http:') ? [allowInsecureRequests] : [],
      },
    );
  } catch (error) {
    throw issuerError(issuer, 'what it says of itself cannot be read', error);
  }
}

/** A sentence on what the provider did not do. */
export function issuerError(issuer: string, what: string, error: unknown): Error {
  return registryError(
    'REG_ISSUER',
    `the identity provider ${issuer}: ${what}: ${reasonOf(error)}`,
    {
      field: 'access.oidc.issuer',
    },
    error,
  );
}

/** The innermost reason: libraries wrap what a call says. */
function reasonOf(error: unknown): string {
  if (error instanceof CallError) return error.message;
  const {
    cause,
    message,
    error: code,
    error_description: said,
  } = error as Error & {
    error?: string;
    error_description?: string;
  };
  if (typeof code === 'string') return typeof said === 'string' ? `${code}, ${said}` : code;
  if (cause instanceof Error) return reasonOf(cause);
  return message;
}
