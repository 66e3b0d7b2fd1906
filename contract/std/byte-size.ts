/** Sizes as people write them (`64MiB`, `2GB`), held as whole bytes. */

const UNIT: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** @returns bytes, or null when the text is no size */
export function parseBytes(text: string): number | null {
  const match = /^(\d+)\s*(B|KB|MB|GB|KiB|MiB|GiB)?$/.exec(text.trim());
  return match === null ? null : Number(match[1]) * UNIT[match[2] ?? '']!;
}

/** @returns the size in the largest unit that it fills, to one digit: `1.5 GiB`, `512 bytes` */
export function formatBytes(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'])
    if (bytes >= UNIT[unit]!) return `${Number((bytes / UNIT[unit]!).toFixed(1))} ${unit}`;
  return `${bytes} bytes`;
}
