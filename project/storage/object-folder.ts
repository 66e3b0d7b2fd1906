/**
 * A folder in object storage: objects whose names begin with a prefix.
 *
 *   create   PUT with `If-None-Match: *`   412: the name is taken. What stands there tells whether by this writer,
 *                                          whose first try was done though its answer was lost
 *                                          409: somebody writes it at this moment: asked again
 *   bring    PUT, of a large file in parts: an object is whole or not there. Names are never used twice, so that each
 *            may be repeated
 *   names    one page of a list after the other
 *
 * Storage that does not know the condition would overwrite the entry of another writer. So before the first entry of a
 * process is written, the same object is made twice, and the second time has to fail.
 */
import { randomBytes } from 'node:crypto';
import { open, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeAsides } from '../../contract/std/files/durable-file.ts';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { registryError } from '../../contract/errors.ts';
import type { S3Settings } from '../settings/s3-settings.ts';
import type { BroughtFile, Folder } from './folder.ts';
import { ObjectClient } from './object-client.ts';
import type { ObjectAnswer } from './object-call.ts';
import { plainText, tagOf, unconditional } from './object-fault.ts';

/** A larger file is sent in parts of this size, of which S3 takes 10,000. */
const PART_BYTES = 64 << 20;
/** So many files are on their way at a time. */
const AT_ONCE = 8;
const CONFLICT_TRIES = 20;
const CONFLICT_PAUSE_MS = 200;
/** Makes a folder that has no file yet, and proves that a condition counts. */
const PROOF = '_plumb-folder';

interface Place {
  readonly client: ObjectClient;
  readonly bucket: string;
  /** A folder on this machine for files on their way. */
  readonly aside: string;
  /** Whether a condition was seen to count there. */
  isProven: boolean;
}

/** @throws REG_STORE where the endpoint is none */
export function objectFolder(path: string, settings: S3Settings): Folder {
  const [, bucket, prefix] = /^s3:\/\/([^/]+)\/*(.*?)\/*$/.exec(path)!;
  return new ObjectFolder(
    { client: new ObjectClient(settings), bucket: bucket!, aside: settings.aside, isProven: false },
    prefix!,
  );
}

class ObjectFolder implements Folder {
  readonly path: string;
  readonly #place: Place;
  readonly #prefix: string;

  constructor(place: Place, prefix: string) {
    this.#place = place;
    this.#prefix = prefix;
    this.path = prefix === '' ? `s3://${place.bucket}` : `s3://${place.bucket}/${prefix}`;
  }

  below(...names: string[]): Folder {
    return new ObjectFolder(this.#place, [this.#prefix, ...names].filter((name) => name !== '').join('/'));
  }

  fileOf(name: string): string {
    return `${this.path}/${name}`;
  }

  async names(): Promise<string[]> {
    const within = this.#prefix === '' ? '' : `${this.#prefix}/`;
    const names: string[] = [];
    for (let next: string | null = ''; next !== null;) {
      const page: Record<string, string> = next === '' ? {} : { 'continuation-token': next };
      const { client, bucket } = this.#place;
      const query = { 'list-type': '2', delimiter: '/', prefix: within, ...page };
      const xml = (await client.send({ method: 'GET', bucket, key: '', query })).bytes.toString('utf8');
      const found = [...xml.matchAll(/<(?:Key|Prefix)>([^<]+)<\/(?:Key|Prefix)>/g)].map(([, name]) =>
        plainText(name!),
      );
      for (const name of found) if (name !== within) names.push(name.slice(within.length).replace(/\/$/, ''));
      next = tagOf(xml, 'IsTruncated') === 'true' ? tagOf(xml, 'NextContinuationToken') : null;
    }
    return [...new Set(names)].toSorted();
  }

  async read(name: string): Promise<string | null> {
    const { status, bytes } = await this.#send('GET', name);
    return status === 404 ? null : bytes.toString('utf8');
  }

  async has(name: string): Promise<boolean> {
    return (await this.#send('HEAD', name)).status !== 404;
  }

  async write(name: string, text: string): Promise<void> {
    await this.#send('PUT', name, { body: Buffer.from(text) });
  }

  async create(name: string, text: string): Promise<boolean> {
    if (!this.#place.isProven) await this.make();
    for (let tries = 1; ; tries++) {
      const status = await this.#putNew(name, text);
      if (status === 412) return (await this.read(name)) === text;
      if (status !== 409) return true;
      if (tries === CONFLICT_TRIES) {
        const message = `${this.fileOf(name)} cannot be written: other writers were under way at each of ${tries} tries`;
        throw registryError('REG_STORE', message);
      }
      await sleep(CONFLICT_PAUSE_MS);
    }
  }

  async #putNew(name: string, text: string): Promise<number> {
    const headers = { 'if-none-match': '*' };
    return (await this.#send('PUT', name, { headers, body: Buffer.from(text) })).status;
  }

  asideOf(name: string): string {
    const { aside } = this.#place;
    if (!makeFolder(aside)) removeAsides(aside, Date.now());
    return join(aside, `${randomBytes(8).toString('hex')}-${basename(name)}.${process.pid}.tmp`);
  }

  async bring(files: readonly BroughtFile[]): Promise<void> {
    const waiting = [...files];
    const bringNext = async (): Promise<void> => {
      for (let file; (file = waiting.shift()) !== undefined;) await this.#bringOne(file);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, bringNext));
  }

  async #bringOne({ from, to }: BroughtFile): Promise<void> {
    const file = await open(from);
    try {
      const { size } = await file.stat();
      const partOf = async (at: number): Promise<Buffer> => {
        const bytes = Buffer.allocUnsafe(Math.min(PART_BYTES, size - at));
        await file.read(bytes, 0, bytes.length, at);
        return bytes;
      };
      if (size <= PART_BYTES) await this.#send('PUT', to, { body: await partOf(0) });
      else await this.#sendParts(to, size, partOf);
    } finally {
      await file.close();
    }
    await rm(from);
  }

  async #sendParts(to: string, size: number, partOf: (at: number) => Promise<Buffer>): Promise<void> {
    const begun = (await this.#send('POST', to, { query: { uploads: '' } })).bytes.toString('utf8');
    const uploadId = tagOf(begun, 'UploadId') ?? '';
    try {
      const parts: string[] = [];
      for (let at = 0; at < size; at += PART_BYTES) {
        const partNumber = String(parts.length + 1);
        const sent = await this.#send('PUT', to, { query: { partNumber, uploadId }, body: await partOf(at) });
        const etag = sent.headers.get('etag') ?? '';
        parts.push(`<Part><PartNumber>${partNumber}</PartNumber><ETag>${etag}</ETag></Part>`);
      }
      const list = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
      const done = await this.#send('POST', to, { query: { uploadId }, body: Buffer.from(list) });
      // S3 may begin to answer before it knows, and a call that is repeated finds the upload done.
      const isMade = done.status !== 404 && tagOf(done.bytes.toString('utf8'), 'Code') === null;
      if (!isMade && !(await this.has(to)))
        throw new Error(`${this.fileOf(to)} was not put together of its parts`);
    } catch (error) {
      await this.#send('DELETE', to, { query: { uploadId } }).catch(() => {});
      throw error;
    }
  }

  /** A copy is whole or not there, and may be made again: the first name goes once the second is there. */
  async move(from: string, to: string): Promise<void> {
    const { bucket } = this.#place;
    const source = `/${bucket}/${this.#keyOf(from)}`.split('/').map(encodeURIComponent).join('/');
    const { status, bytes } = await this.#send('PUT', to, { headers: { 'x-amz-copy-source': source } });
    if (status === 404) return;
    // S3 may begin to answer before it knows.
    const code = tagOf(bytes.toString('utf8'), 'Code');
    if (code !== null) throw new Error(`${this.fileOf(from)} was not copied to ${to}: ${code}`);
    await this.remove(from);
  }

  async fetch(name: string, to: string): Promise<boolean> {
    const { status, bytes } = await this.#send('GET', name);
    if (status === 404) return false;
    await writeFile(to, bytes, { mode: 0o600 });
    return true;
  }

  async remove(name: string): Promise<void> {
    await this.#send('DELETE', name);
  }

  async changedMs(name: string): Promise<number> {
    const { status, headers } = await this.#send('HEAD', name);
    return status === 404 ? Infinity : Date.parse(headers.get('last-modified') ?? '');
  }

  /** An object stands for the folder. It is made twice: the first may be done and have lost its answer. */
  async make(): Promise<void> {
    for (let tries = 0; tries < 2; tries++) {
      if ((await this.#putNew(PROOF, '')) !== 412) continue;
      this.#place.isProven = true;
      return;
    }
    throw unconditional(this.path);
  }

  async #send(
    method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE',
    name: string,
    rest: {
      readonly query?: Readonly<Record<string, string>>;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: Uint8Array;
    } = {},
  ): Promise<ObjectAnswer> {
    const { client, bucket } = this.#place;
    return await client.send({ method, bucket, key: this.#keyOf(name), ...rest });
  }

  #keyOf(name: string): string {
    return this.#prefix === '' ? name : `${this.#prefix}/${name}`;
  }
}
