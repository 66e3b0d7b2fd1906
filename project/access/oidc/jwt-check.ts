/**
 * Tells whether a JSON Web Token is one of the identity provider, good now, and for us. The provider's keys are read
 * when the first token comes, again every 10 minutes, and when a token names one that is not known yet, at most twice
 * a minute: whoever sends invented names makes no load there.
 */
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose';
import type { FetchImplementation, JWTVerifyGetKey, JWTVerifyOptions, JWTVerifyResult } from 'jose';
import { givenText } from '../../../contract/std/given-text.ts';
import type { AccessSettings } from '../../settings/access-settings.ts';
import type { OidcSettings } from '../../settings/oidc-settings.ts';
import type { LoginRefused } from '../caller.ts';
import type { Claims } from './claims.ts';
import { issuerConfiguration, issuerError, issuerFetch } from './issuer.ts';

/** Asymmetric ones alone: with `none` or HS256 whoever knows the public key could sign. */
const ALGORITHMS = ['RS256', 'ES256'];
/** What ID tokens and access tokens call themselves; a logout token is none of them. */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt']);
/** So much may clocks differ. */
const LEEWAY_S = 60;
const KEYS = { cacheMaxAge: 600_000, cooldownDuration: 30_000, timeoutDuration: 10_000 } as const;
/** After so long a provider that did not answer is asked again. */
const AGAIN_MS = 1_000;

export class JwtCheck {
  readonly #oidc: OidcSettings;
  readonly #access: Pick<AccessSettings, 'ca'>;
  readonly #nowUs: () => number;
  #keys: Promise<JWTVerifyGetKey> | null = null;
  #failedMs: number | null = null;

  constructor(oidc: OidcSettings, access: Pick<AccessSettings, 'ca'>, nowUs: () => number) {
    this.#oidc = oidc;
    this.#access = access;
    this.#nowUs = nowUs;
  }

  /**
   * @param audiences  one of which the token has to be for
   * @returns          what it claims; or why it is not taken
   * @throws           REG_ISSUER where the provider's keys cannot be read
   */
  async claimsOf(
    text: string,
    audiences: readonly string[],
  ): Promise<{ readonly claims: Claims } | LoginRefused> {
    const keys = await this.#keysOfIssuer();
    try {
      const { payload, protectedHeader } = await verified(text, keys, {
        issuer: this.#oidc.issuer,
        audience: [...audiences],
        algorithms: ALGORITHMS,
        clockTolerance: LEEWAY_S,
        currentDate: new Date(this.#nowUs() / 1_000),
        requiredClaims: ['exp', 'sub'],
      });
      const { typ } = protectedHeader;
      if (typ !== undefined && !TYPES.has(typ.toLowerCase()))
        return {
          refused: `the login is none: expected an ID token or an access token, got ${givenText(typ)}`,
        };
      const stranger = this.#strangerOf(payload, audiences);
      return stranger === null ? { claims: payload } : { refused: stranger };
    } catch (error) {
      const refused = refusedBy(error, audiences);
      if (refused !== null) return { refused };
      throw issuerError(this.#oidc.issuer, 'its keys cannot be read', error);
    }
  }

  /** An ID token may be for others, too: `azp` says who asked for it. Access tokens may be asked for by anybody. */
  #strangerOf({ azp }: Claims, audiences: readonly string[]): string | null {
    const { audience, clientId, commandClientId } = this.#oidc;
    if (azp === undefined || (audience !== null && audiences.includes(audience))) return null;
    if (azp === clientId || azp === commandClientId) return null;
    return `the login was given to ${givenText(azp)}, another client than ${clientId} and ${commandClientId}`;
  }

  async #keysOfIssuer(): Promise<JWTVerifyGetKey> {
    if (this.#failedMs !== null && performance.now() - this.#failedMs > AGAIN_MS) {
      this.#keys = null;
      this.#failedMs = null;
    }
    this.#keys ??= this.#read().catch((error: unknown) => {
      this.#failedMs ??= performance.now();
      throw error;
    });
    return await this.#keys;
  }

  async #read(): Promise<JWTVerifyGetKey> {
    const { clientId: id, issuer } = this.#oidc;
    const configuration = await issuerConfiguration(this.#oidc, this.#access, { id, secret: null });
    const { jwks_uri: uri } = configuration.serverMetadata();
    if (uri === undefined)
      throw issuerError(issuer, 'its keys cannot be read', new Error('it names no jwks_uri'));
    const fetchBy = issuerFetch(this.#access.ca) as FetchImplementation;
    return createRemoteJWKSet(new URL(uri), { ...KEYS, [customFetch]: fetchBy });
  }
}

/** A token that names no key may be signed with any that the provider names: one may take the place of another. */
async function verified(
  text: string,
  keys: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(text, keys, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return await jwtVerify(text, key, options);
      } catch (one) {
        if (!(one instanceof errors.JWSSignatureVerificationFailed)) throw one;
      }
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

/** @returns a sentence without its end, with nothing of the token but its claims; null: the token is not at fault */
function refusedBy(error: unknown, audiences: readonly string[]): string | null {
  if (error instanceof errors.JWTExpired) {
    const end = new Date(error.payload.exp! * 1_000);
    // A time that no calendar has.
    const when = Number.isNaN(end.getTime()) ? 'long ago' : `at ${end.toISOString().slice(0, 19)}Z`;
    return `the login ended ${when} (60 s are allowed for clocks that differ)`;
  }
  if (error instanceof errors.JWTClaimValidationFailed) return claimText(error, audiences);
  if (error instanceof errors.JOSEAlgNotAllowed)
    return `the login is signed in a way that is not taken: expected ${ALGORITHMS.join(' or ')}`;
  if (error instanceof errors.JWKSNoMatchingKey)
    return 'the login is signed with a key that its provider does not name (one that is new is known within 30 s)';
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return 'the signature of the login does not fit: it was changed, or another signed it';
  if (
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JOSENotSupported
  )
    return 'what was sent as a login is no signed JSON Web Token';
  return null;
}

function claimText(
  { claim, reason, payload }: errors.JWTClaimValidationFailed,
  audiences: readonly string[],
): string {
  const given = givenText(payload[claim] ?? null);
  if (claim === 'aud')
    return `the login is for ${given}, and this takes what is for ${audiences.join(' or ')}`;
  if (claim === 'iss') return `the login is of ${given}, another provider than access.oidc.issuer`;
  if (claim === 'nbf') return 'the login is not good yet: a clock is more than 60 s off';
  if (reason === 'missing') return `the login lacks the claim ${claim}`;
  return `the claim ${claim} of the login does not fit: ${given}`;
}
