/**
 * One HTTP request to a server that the settings name: a receiver of alerts, Prometheus, a sidecar's metrics.
 *
 * No redirect is followed, since a message may hold what only the named server should read. A name and password in the
 * URL are sent as basic authentication. What goes wrong is told in a sentence that holds no path and no query of the
 * URL: with many services they are the secret.
 */
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface HttpCall {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the start to the last byte of the answer. */
  readonly limitMs: number;
  /** File in PEM of the authorities to trust; null: those of the machine. */
  readonly ca: string | null;
  /** How much of an answer is read; a longer one is an error, or cut where the server has refused (from 400 on). */
  readonly maxBytes?: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Why a call had no answer. */
export class CallError extends Error {
  /** Whether the same call may succeed later; not so where a certificate or a URL is wrong. */
  readonly mayPass: boolean;
  /** Whether the server may have taken the request all the same. */
  readonly mayHaveArrived: boolean;
  /** Whether the call's time was over. */
  readonly isLate: boolean;

  constructor(
    message: string,
    may: { readonly pass: boolean; readonly haveArrived: boolean; readonly beLate?: boolean },
    cause?: unknown,
  ) {
    super(message, { cause });
    this.mayPass = may.pass;
    this.mayHaveArrived = may.haveArrived;
    this.isLate = may.beLate === true;
  }
}

const NEVER = { pass: false, haveArrived: false } as const;
const LATER = { pass: true, haveArrived: true } as const;
/** Codes of Node where no connection was made. */
const NO_CONNECTION: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

const MAX_BYTES = 64 << 10;

/** @returns the URL's scheme, host and port, which may be shown */
export function shownServer(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'what is no URL';
}

/** @throws CallError */
export async function httpCall(call: HttpCall): Promise<HttpAnswer> {
  const url = URL.canParse(call.url) ? new URL(call.url) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CallError('expected a URL that begins with http:// or https://', NEVER);
  }
  try {
    return await exchange(url, call);
  } catch (error) {
    if (error instanceof CallError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_INVALID_CHAR') {
      const what =
        'a character that no header may have, such as a line break: mend the setting that holds it';
      throw new CallError(`its token holds ${what}`, NEVER);
    }
    if (CERTIFICATE.test(code ?? '')) {
      throw new CallError(`its certificate is refused: ${message} (${code})`, NEVER, error);
    }
    const haveArrived = !NO_CONNECTION.has(code ?? '');
    throw new CallError(message || String(code), { pass: true, haveArrived }, error);
  }
}

/** Codes of Node and OpenSSL for certificates that are not to be trusted. */
const CERTIFICATE = /CERT|UNABLE_TO_(VERIFY|GET_ISSUER)|SELF_SIGNED/;

function exchange(url: URL, call: HttpCall): Promise<HttpAnswer> {
  const isSecure = url.protocol === 'https:';
  const ca = call.ca === null || !isSecure ? {} : { ca: readAuthorities(call.ca) };
  return new Promise((resolve, reject) => {
    const send = isSecure ? httpsRequest : httpRequest;
    const body = call.body === undefined ? undefined : Buffer.from(call.body);
    const request = send(url, {
      method: call.method,
      agent: false,
      headers: {
        ...call.headers,
        ...(body === undefined ? {} : { 'content-length': body.length }),
      },
      ...ca,
    });
    const limit = setTimeout(() => {
      const late = { ...LATER, beLate: true };
      request.destroy(new CallError(`it did not answer within ${call.limitMs} ms`, late));
    }, call.limitMs);
    request.on('error', reject);
    request.on('close', () => clearTimeout(limit));
    request.on('response', (response) => {
      readText(response, call.maxBytes ?? MAX_BYTES).then(
        (text) => resolve({ status: response.statusCode!, headers: response.headers, text }),
        reject,
      );
    });
    request.end(body);
  });
}

function readAuthorities(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const why = (error as Error).message;
    throw new CallError(`the file of authorities cannot be read: ${why}`, NEVER, error);
  }
}

async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) {
      response.destroy();
      // What a refusal says at its beginning is enough: its status is what counts.
      if (response.statusCode! >= 400) break;
      throw new CallError(`its answer is longer than ${maxBytes} bytes`, { pass: false, haveArrived: true });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
