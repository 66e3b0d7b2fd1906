/** A login from the command line: the device flow of OAuth 2.0 (RFC 8628), and its renewal. */
import {
  initiateDeviceAuthorization,
  pollDeviceAuthorizationGrant,
  refreshTokenGrant,
  tokenRevocation,
} from 'openid-client';
import type { Configuration, TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import { registryError } from '../../contract/errors.ts';
import { issuerConfiguration, issuerError } from '../../project/access/oidc/issuer.ts';
import type { AccessSettings } from '../../project/settings/access-settings.ts';
import type { OidcSettings } from '../../project/settings/oidc-settings.ts';

export interface KeptLogin {
  /** What is sent. */
  readonly token: string;
  /** null: the provider gave none, so that whoever it is logs in again. */
  readonly refreshToken: string | null;
  readonly endsUs: number;
}

type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

const AGAIN = 'Run `plumb login` again.';
/** Codes of a provider that says no, by RFC 8628 and RFC 6749. */
const SAYS_NO: Readonly<Record<string, string>> = {
  access_denied: 'the login was refused',
  expired_token: 'nobody has entered the code in time',
  invalid_grant: 'the login has ended, or was ended at the provider',
};

/**
 * @param show  is told where to go and what to enter there
 * @throws      REG_LOGIN where nobody logs in in time, or is refused; REG_ISSUER
 */
export async function deviceLogin(
  oidc: OidcSettings,
  access: AccessSettings,
  show: (place: { readonly url: string; readonly code: string }) => void,
  nowUs: () => number,
): Promise<KeptLogin> {
  const configuration = await clientOf(oidc, access);
  const { issuer } = oidc;
  if (configuration.serverMetadata().device_authorization_endpoint === undefined) {
    const why = new Error('it names no device_authorization_endpoint');
    throw issuerError(issuer, 'nobody can log in from a command line there', why);
  }
  const { scopes, audience } = oidc;
  const isKept = configuration.serverMetadata().scopes_supported?.includes('offline_access') === true;
  const scope = [...new Set([...scopes, ...(isKept ? ['offline_access'] : [])])].join(' ');
  try {
    const started = await initiateDeviceAuthorization(configuration, {
      scope,
      // Without it some providers give no refresh token.
      ...(isKept ? { prompt: 'consent' } : {}),
      ...audienceParameters(audience),
    });
    show({ url: started.verification_uri_complete ?? started.verification_uri, code: started.user_code });
    return loginOf(
      oidc,
      await pollDeviceAuthorizationGrant(configuration, started, audienceParameters(audience)),
      nowUs(),
    );
  } catch (error) {
    throw refusedBy(error) ?? issuerError(issuer, 'nobody could log in', error);
  }
}

/** @throws REG_LOGIN where it cannot be renewed; REG_ISSUER */
export async function renewedLogin(
  oidc: OidcSettings,
  access: AccessSettings,
  refreshToken: string,
  nowUs: () => number,
): Promise<KeptLogin> {
  const configuration = await clientOf(oidc, access);
  try {
    const tokens = await refreshTokenGrant(configuration, refreshToken, audienceParameters(oidc.audience));
    const login = loginOf(oidc, tokens, nowUs());
    return { ...login, refreshToken: login.refreshToken ?? refreshToken };
  } catch (error) {
    throw refusedBy(error) ?? issuerError(oidc.issuer, 'the login could not be renewed', error);
  }
}

/** Tells the provider that a login is over, so that nobody can renew it. @throws REG_ISSUER */
export async function endLogin(
  oidc: OidcSettings,
  access: AccessSettings,
  refreshToken: string,
): Promise<void> {
  const configuration = await clientOf(oidc, access);
  if (configuration.serverMetadata().revocation_endpoint === undefined) return;
  try {
    await tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' });
  } catch (error) {
    throw issuerError(oidc.issuer, 'the login could not be ended there', error);
  }
}

function clientOf(oidc: OidcSettings, access: AccessSettings): Promise<Configuration> {
  return issuerConfiguration(oidc, access, { id: oidc.commandClientId, secret: null });
}

/** By RFC 8707, and as providers ask for it that do not know that. */
function audienceParameters(audience: string | null): Record<string, string> {
  if (audience === null) return {};
  return URL.canParse(audience) ? { resource: audience, audience } : { audience };
}

function loginOf({ audience }: OidcSettings, tokens: Tokens, nowUs: number): KeptLogin {
  const token = audience === null ? tokens.id_token : tokens.access_token;
  if (token === undefined)
    throw registryError('REG_LOGIN', 'the provider has given no ID token', {
      help: 'Ask for the scope openid (access.oidc.scopes), or set access.oidc.audience.',
    });
  const endsS = audience === null ? tokens.claims()!.exp : nowUs / 1_000_000 + (tokens.expiresIn() ?? 0);
  return { token, refreshToken: tokens.refresh_token ?? null, endsUs: Math.floor(endsS * 1_000_000) };
}

function refusedBy(error: unknown): Error | null {
  const { code, error: said } = error as { readonly code?: unknown; readonly error?: unknown };
  if (code === 'REG_LOGIN') return error as Error;
  const why = typeof said === 'string' && Object.hasOwn(SAYS_NO, said) ? SAYS_NO[said]! : null;
  const isLate = (error as Error).name === 'TimeoutError' || code === 'OAUTH_TIMEOUT';
  if (why === null && !isLate) return null;
  return registryError('REG_LOGIN', why ?? SAYS_NO['expired_token']!, { help: AGAIN }, error);
}
