/** xxHash, seed 0: 32 bits name fields and definitions, 64 bits name bundles and sample entities. */
import xxhash from 'xxhash-wasm';

const hasher = await xxhash();

/** @returns an unsigned 32-bit number */
export function xxHash32(text: string): number {
  return hasher.h32(text);
}

/** @returns 64 bits as an unsigned bigint */
export function xxHash64(text: string): bigint {
  return hasher.h64(text);
}

/** @returns 64 bits as an unsigned bigint */
export function xxHash64Bytes(bytes: Uint8Array): bigint {
  return hasher.h64Raw(bytes);
}
