/**
 * Which bundle is in force: a small text that is replaced as one. It names bundles by the SHA-256 of their bytes, so
 * that bytes from anywhere are known for the right ones, and who signs it signs its bundles.
 *
 *   {"format":1, "project", "registry", "sequence", "revision", "hash", "name",
 *    "staged": null | {"hash", "name", "share", "salt"}, "signature": null | base64}
 *
 * `name` is the bundle's short hash, which vectors in the log have; `sequence` is the number of the apply, and
 * `revision` counts what became of a staged one. Both only grow within a registry: an old pointer is known for one.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../std/canonical-json.ts';
import type { Json } from '../std/canonical-json.ts';

export interface NamedBundle {
  /** SHA-256 of its bytes, 64 hex digits. */
  readonly hash: string;
  /** 16 hex digits: `Bundle.hash`. */
  readonly name: string;
}

/** A bundle that some pods serve before the others. */
interface StagedBundle extends NamedBundle {
  /** Of the pods, above 0 and below 1. */
  readonly share: number;
  /** Mixed with the pod's id, so that it is not always the same pods that go first. */
  readonly salt: string;
}

export interface BundlePointer extends NamedBundle {
  readonly project: string;
  /** The registry's id; empty: none recorded it. */
  readonly registry: string;
  readonly sequence: number;
  readonly revision: number;
  readonly staged: StagedBundle | null;
  /** Ed25519, base64; null: nobody signed it. */
  readonly signature: string | null;
}

const FORMAT = 1;
const count = z.int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256');
const name = z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 hex digits');
const POINTER = z.strictObject({
  format: z.literal(FORMAT),
  project: z.string(),
  registry: z.string().max(200),
  sequence: count,
  revision: count,
  hash,
  name,
  staged: z.strictObject({ hash, name, share: z.number().gt(0).lt(1), salt: z.string().max(200) }).nullable(),
  signature: z.string().max(200).nullable(),
});

export function pointerText(pointer: BundlePointer): string {
  return `${canonicalJson({ format: FORMAT, ...pointer } as unknown as Json)}\n`;
}

/** @throws TypeError with a clause that says what is wrong with it */
export function pointerFromText(text: string): BundlePointer {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new TypeError('what says which bundle is in force is no JSON', { cause: error });
  }
  const read = POINTER.safeParse(json);
  if (read.success) {
    const { format: _, ...pointer } = read.data;
    return pointer;
  }
  const { path, message } = read.error.issues[0]!;
  const where = path.length === 0 ? '' : ` (${path.join('.')})`;
  throw new TypeError(`what says which bundle is in force does not fit${where}: ${message}`);
}

/** @returns its bundles: the one in force, and behind it the staged one */
export function bundlesOf({ hash: own, name: called, staged }: BundlePointer): readonly NamedBundle[] {
  return [{ hash: own, name: called }, ...(staged === null ? [] : [staged])];
}

/** @returns whether `a` was in force before `b`; never so of two registries */
export function isBefore(a: BundlePointer, b: BundlePointer): boolean {
  if (a.registry !== b.registry) return false;
  return a.sequence < b.sequence || (a.sequence === b.sequence && a.revision < b.revision);
}

/** @returns the bundle that a pod serves: the first 48 bits of SHA-256(salt, pod) fall evenly into [0, 1) */
export function bundleOfPod(pointer: BundlePointer, pod: string): NamedBundle {
  const { staged } = pointer;
  if (staged === null) return pointer;
  const drawn = createHash('sha256').update(`${staged.salt}\n${pod}`).digest().readUIntBE(0, 6) / 2 ** 48;
  return drawn < staged.share ? staged : pointer;
}

/** @returns 64 hex digits */
export function sha256Of(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Keeps a signature of a pointer from being one of anything else. */
const PURPOSE = 'plumbline bundle pointer\n';

function signedBytes(pointer: BundlePointer): Buffer {
  return Buffer.from(PURPOSE + pointerText({ ...pointer, signature: null }));
}

export function signedPointer(pointer: BundlePointer, key: KeyObject): BundlePointer {
  return { ...pointer, signature: sign(null, signedBytes(pointer), key).toString('base64') };
}

export function isSignedBy(pointer: BundlePointer, keys: readonly KeyObject[]): boolean {
  if (pointer.signature === null) return false;
  const signature = Buffer.from(pointer.signature, 'base64');
  const bytes = signedBytes(pointer);
  return keys.some((key) => verify(null, bytes, key, signature));
}

/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const PUBLIC_KEY_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** @returns null when the text is no base64 of 32 bytes */
export function publicKeyOf(text: string): KeyObject | null {
  const raw = Buffer.from(text, 'base64');
  if (raw.length !== 32 || raw.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) return null;
  return createPublicKey({ key: Buffer.concat([PUBLIC_KEY_HEAD, raw]), format: 'der', type: 'spki' });
}

/** @returns base64 of the 32 bytes of an Ed25519 key's public half */
export function publicKeyText(key: KeyObject): string {
  const open = key.type === 'public' ? key : createPublicKey(key);
  return open.export({ format: 'der', type: 'spki' }).subarray(PUBLIC_KEY_HEAD.length).toString('base64');
}

/** @returns null when the text holds no private key of Ed25519 in PEM */
export function privateKeyOf(pem: string): KeyObject | null {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : null;
  } catch {
    return null;
  }
}
