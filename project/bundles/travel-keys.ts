/** The keys of bundles: whose signature is taken, and the one that signs. */
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { statSync } from 'node:fs';
import { privateKeyOf, publicKeyOf } from '../../contract/bundles/bundle-pointer.ts';
import { registryError } from '../../contract/errors.ts';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import type { BundleTravel } from '../settings/bundle-settings.ts';

/** @returns the public keys; the one that belongs to `signWith`, too */
export function travelKeys({ keys, signWith }: BundleTravel): readonly KeyObject[] {
  const named = keys.map((text) => publicKeyOf(text)!);
  return signWith === null ? named : [...named, createPublicKey(signingKey(signWith))];
}

/** Others on the machine may not read it. */
const OTHERS = 0o077;

/**
 * @param file  in PEM
 * @throws REG_KEY when it cannot be read, others may read it, or it holds no Ed25519 key
 */
export function signingKey(file: string): KeyObject {
  let text: string;
  let mode: number;
  try {
    text = readRegularText(file);
    ({ mode } = statSync(file));
  } catch (error) {
    throw fault(file, `cannot be read: ${(error as Error).message}`, error);
  }
  if ((mode & OTHERS) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    throw fault(file, `has mode ${octal}, so that others may read it; chmod 0600 it`);
  }
  const key = privateKeyOf(text);
  if (key === null) throw fault(file, 'holds no private key of Ed25519 in PEM');
  return key;
}

function fault(file: string, why: string, cause?: unknown): Error {
  return registryError('REG_KEY', `${file} ${why}`, { file, field: 'bundles.signWith' }, cause);
}
