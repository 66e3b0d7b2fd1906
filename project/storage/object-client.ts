/**
 * Calls of the S3 protocol, signed, each until it has an answer: what is slow, busy or cut off is asked again, with
 * pauses that grow, for as long as LIMIT_MS. All calls may be repeated, since an object is whole or not there; whether
 * a conditional write that had no answer was done, its caller finds out (object-folder.ts).
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AwsV4Signer } from 'aws4fetch';
import type { S3Settings } from '../settings/s3-settings.ts';
import { isEndpoint } from '../settings/s3-settings.ts';
import type { ObjectAnswer, ObjectCall } from './object-call.ts';
import { badEndpoint, noAnswer, refusal } from './object-fault.ts';

/** One call may take so long, and a second more for each MiB that it sends. */
const CALL_MS = 30_000;
/** All tries of one call; a try that has begun by then may end. */
const LIMIT_MS = 120_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export class ObjectClient {
  readonly #settings: S3Settings;
  readonly #endpoint: URL;

  /** @throws REG_STORE where the endpoint is none */
  constructor(settings: S3Settings) {
    const { endpoint, region } = settings;
    if (endpoint !== null && !isEndpoint(endpoint)) throw badEndpoint(endpoint);
    this.#settings = settings;
    this.#endpoint = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  }

  /**
   * @returns the answer, if it is a success, 404, or of a conditional call 409 or 412
   * @throws  REG_STORE where it is another one, or none came in time
   */
  async send(call: ObjectCall): Promise<ObjectAnswer> {
    const untilMs = performance.now() + LIMIT_MS;
    for (let tries = 0; ; tries++) {
      const answer = await this.#try(call);
      if (!(answer instanceof Error)) {
        if (answer.status < 300 || isTelling(answer, call)) return answer;
        if (!mayPass(answer)) throw refusal(call, this.#settings, answer);
      }
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** tries, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
      if (performance.now() + pauseMs > untilMs) {
        if (answer instanceof Error) throw noAnswer(call, this.#endpoint.host, answer);
        throw refusal(call, this.#settings, answer);
      }
      await sleep(pauseMs);
    }
  }

  async #try({
    method,
    bucket,
    key,
    query = {},
    headers = {},
    body,
  }: ObjectCall): Promise<ObjectAnswer | Error> {
    const url = this.#urlOf(bucket, key);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const own = body === undefined ? headers : { ...headers, 'content-md5': md5Of(body) };
    const request = await this.#signed(method, url, own);
    const limitMs = CALL_MS + Math.ceil((body?.length ?? 0) / 2 ** 20) * 1_000;
    try {
      const answer = await fetch(url, {
        method,
        headers: request,
        body: body ?? null,
        redirect: 'manual',
        signal: AbortSignal.timeout(limitMs),
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      return { status: answer.status, headers: answer.headers, bytes };
    } catch (error) {
      return error as Error;
    }
  }

  async #signed(method: string, url: URL, headers: Readonly<Record<string, string>>): Promise<Headers> {
    const { login, region } = this.#settings;
    if (login === null) return new Headers(headers);
    const { accessKeyId, secretAccessKey, sessionToken } = login;
    const token = sessionToken === null ? {} : { sessionToken };
    const of = { method, url: url.href, headers, accessKeyId, secretAccessKey };
    const signer = new AwsV4Signer({ ...of, ...token, service: 's3', region });
    return (await signer.sign()).headers;
  }

  #urlOf(bucket: string, key: string): URL {
    const path = key.split('/').map(encodeURIComponent).join('/');
    const { origin, protocol, host } = this.#endpoint;
    return this.#settings.pathStyle
      ? new URL(`${origin}/${bucket}/${path}`)
      : new URL(`${protocol}//${bucket}.${host}/${path}`);
  }
}

function md5Of(body: Uint8Array): string {
  return createHash('md5').update(body).digest('base64');
}

/** Whether an answer that is no success tells its caller what was asked: the object is not there, or was before. */
function isTelling({ status, bytes }: ObjectAnswer, { key, headers }: ObjectCall): boolean {
  if (status === 404) return key !== '' && !bytes.includes('NoSuchBucket');
  return (status === 409 || status === 412) && headers?.['if-none-match'] !== undefined;
}

/** Of a call that did not come in whole. */
const CUT = /<Code>(?:RequestTimeout|IncompleteBody|BadDigest)</;

/** Whether the same call may succeed later. */
function mayPass({ status, bytes }: ObjectAnswer): boolean {
  return status === 429 || status >= 500 || CUT.test(bytes.toString('utf8'));
}
