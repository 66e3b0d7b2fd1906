/**
 * The file of an ingest's state: it is replaced whole, and that is the commit of a batch. Of several ingests that share
 * a topic each has its own.
 *
 *   served/ingest.json           of one that reads all partitions
 *   served/ingest-1of2.json      of a share of them (ingest-share.ts)
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { shareOfTag, shareTag } from './ingest-share.ts';
import type { IngestShare } from './ingest-share.ts';

export function stateFile(served: string, tag = ''): string {
  return join(served, `ingest${tag}.json`);
}

/** @returns the text of the state; null when there is none */
export function readStateText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** @returns the shares that have a state in the folder, or a lock, in the order of their names */
export function sharesIn(served: string, what: 'ingest' | 'lock'): IngestShare[] {
  const names = namesIn(served).flatMap((name) => {
    const [, of, tag] = /^(ingest|lock)(-\d+of\d+)?\.(?:json|db)$/.exec(name) ?? [];
    const share = of === what ? shareOfTag(tag ?? '') : null;
    return share === null ? [] : [share];
  });
  return [...new Map(names.map((share) => [shareTag(share), share])).values()];
}

/** @returns the texts of all states of the folder, to tell whether any of them has changed */
export function allStates(served: string): string {
  const tags = sharesIn(served, 'ingest').map(shareTag);
  return tags.map((tag) => `${tag}\n${readStateText(stateFile(served, tag))}`).join('\n');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
