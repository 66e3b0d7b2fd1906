/**
 * The part of a topic that one of several ingests reads: of n, number i has the partitions whose number leaves i - 1
 * when divided by n. Each has a state and files of its own, and any number of them may take over from any other.
 */
export interface IngestShare {
  /** From 1. */
  readonly index: number;
  readonly of: number;
}

export const WHOLE: IngestShare = { index: 1, of: 1 };

/** @returns null when the text is none such as `1/2` */
export function parseShare(text: string): IngestShare | null {
  const [, i, n] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? [];
  const share = { index: Number(i), of: Number(n) };
  return share.index >= 1 && share.index <= share.of ? share : null;
}

/** What tells the files of a share from those of others: empty for the whole, or `-1of2`. */
export function shareTag({ index, of }: IngestShare): string {
  return of === 1 ? '' : `-${index}of${of}`;
}

/** @returns null when the text is no tag */
export function shareOfTag(tag: string): IngestShare | null {
  return tag === '' ? WHOLE : parseShare(tag.slice(1).replace('of', '/'));
}

/** @returns each once, in the order of the tags; what is no tag is passed over */
export function sharesOfTags(tags: Iterable<string>): IngestShare[] {
  return [...new Set(tags)].map(shareOfTag).filter((one) => one !== null);
}

export function holds({ index, of }: IngestShare, partition: number): boolean {
  return partition % of === index - 1;
}

/** Whether there may be a partition that both have. */
export function overlap(a: IngestShare, b: IngestShare): boolean {
  return (a.index - b.index) % greatestCommonDivisor(a.of, b.of) === 0;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
