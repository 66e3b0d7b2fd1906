/** What is told of a call of object storage that failed: what was asked, what came, what to do. */
import { registryError } from '../../contract/errors.ts';
import { givenText } from '../../contract/std/given-text.ts';
import type { S3Settings } from '../settings/s3-settings.ts';
import type { ObjectAnswer, ObjectCall } from './object-call.ts';

const DOES: Readonly<Record<ObjectCall['method'], string>> = {
  GET: 'read',
  HEAD: 'read',
  PUT: 'written',
  POST: 'written',
  DELETE: 'removed',
};

/** What the codes of S3 mean to the one who set it up. */
const HELP: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Make the bucket, or name another one: plumb makes none.',
  InvalidAccessKeyId: 'Mend s3.accessKeyId, or AWS_ACCESS_KEY_ID.',
  SignatureDoesNotMatch:
    'The secret does not belong to the access key: mend s3.secretAccessKeyFile, or AWS_SECRET_ACCESS_KEY.',
  ExpiredToken: 'The session of AWS_SESSION_TOKEN is over: get new credentials.',
  InvalidToken: 'Mend AWS_SESSION_TOKEN, or take it out where the access key is for good.',
  RequestTimeTooSkewed: 'The clock of this machine is wrong: set it.',
  EntityTooLarge: 'A file is larger than the storage takes.',
  QuotaExceeded: 'Make room there.',
};
const NO_LOGIN =
  'No credentials were given: set s3.accessKeyId and s3.secretAccessKeyFile, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';
const NO_RIGHT =
  'The login may not do that: it needs s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket there.';

/** @returns the error of an answer that is no success */
export function refusal(call: ObjectCall, { region, login }: S3Settings, answer: ObjectAnswer): Error {
  const text = answer.bytes.toString('utf8');
  const code = tagOf(text, 'Code') ?? statusCode(answer.status);
  const said = tagOf(text, 'Message') ?? '';
  const other = tagOf(text, 'Region') ?? answer.headers.get('x-amz-bucket-region');
  const isElsewhere = other !== null && other !== region;
  const why = isElsewhere
    ? `the bucket lies in the region ${other}, and asked was ${region}`
    : `${code} ${said}`.trim();
  const help = isElsewhere
    ? `Set s3.region to ${other}, or AWS_REGION.`
    : (HELP[code] ?? (answer.status === 403 ? (login === null ? NO_LOGIN : NO_RIGHT) : undefined));
  const message = `${shownObject(call)} cannot be ${DOES[call.method]}: ${why} (status ${answer.status})`;
  return registryError('REG_STORE', message, help === undefined ? {} : { help });
}

/** An answer to HEAD has no text. */
function statusCode(status: number): string {
  if (status === 404) return 'NoSuchBucket';
  return status === 403 ? 'AccessDenied' : 'no reason was given';
}

/** @returns the error of a call that no try of had an answer */
export function noAnswer(call: ObjectCall, host: string, last: Error): Error {
  const { code } = (last.cause ?? {}) as NodeJS.ErrnoException;
  const why = [last.message, code].filter((one) => one !== undefined && one !== '').join(', ');
  const message = `${shownObject(call)} cannot be ${DOES[call.method]}: ${host} gave no whole answer (${why})`;
  const help =
    'Look whether the storage is up, and whether s3.endpoint names it. Nothing that was committed is lost: run it again.';
  return registryError('REG_STORE', message, { help }, last);
}

export function badEndpoint(endpoint: string): Error {
  const message = `AWS_ENDPOINT_URL is ${givenText(endpoint)}: expected a URL such as https://storage.example.com`;
  return registryError('REG_STORE', message, { help: 'Set s3.endpoint, or the variable.' });
}

/** @returns the error of a store in which two writers could take one number */
export function unconditional(path: string): Error {
  const message = `${path} cannot be written: its storage overwrites an object that is only to be made where there is none (If-None-Match: *)`;
  const help =
    'Two writers could take the same entry there, and rows would be lost. Keep it in a storage that has conditional writes ' +
    '(AWS S3, MinIO, Cloudflare R2, Ceph since Squid), or in a folder.';
  return registryError('REG_STORE', message, { help });
}

function shownObject({ bucket, key, query }: ObjectCall): string {
  const name = key === '' ? (query?.['prefix'] ?? '') : key;
  return `s3://${bucket}/${name}`;
}

/** The answers of S3 are flat XML whose texts hold no tags. */
export function tagOf(xml: string, tag: string): string | null {
  const found = new RegExp(`<${tag}>([^<]*)</${tag}>`).exec(xml)?.[1];
  return found === undefined ? null : plainText(found);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function plainText(xml: string): string {
  return xml.replaceAll(/&(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));/g, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return hex === undefined
      ? (ENTITIES[name as string] ?? whole)
      : String.fromCodePoint(Number.parseInt(hex, 16));
  });
}
