/** FNV-1a of a text's UTF-16 units, 32 bits: what fair samples are chosen by, the same in every run. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
