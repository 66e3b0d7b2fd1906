/**
 * The state of an ingest: it is replaced whole, and that is the commit of a batch. Of several ingests that share a
 * topic each has its own.
 *
 *   served/ingest.json                of one that reads all partitions
 *   served/ingest-1of2.json           of a share of them (ingest-share.ts)
 *   served/_ingest-1of2/00000042.json in object storage: each state is a new object, made where none of its number is.
 *                                     Of two ingests that go on from one state the second finds its number taken
 */
import { isObject } from '../../contract/std/files/local-path.ts';
import type { Folder } from '../storage/folder.ts';
import { shareOfTag, shareTag } from './ingest-share.ts';
import type { IngestShare } from './ingest-share.ts';

/** @returns the name of a state's file below the folder of served values; in object storage of the folder of them */
export function stateName(served: Folder, tag = ''): string {
  return isObject(served.path) ? `_ingest${tag}` : `ingest${tag}.json`;
}

export function numberedState(number: number): string {
  return `${String(number).padStart(12, '0')}.json`;
}

/** @returns the numbers of the states of an ingest in object storage, ascending */
export async function stateNumbers(states: Folder): Promise<number[]> {
  const names = await states.names();
  return names.filter((name) => /^\d{12}\.json$/.test(name)).map((name) => Number.parseInt(name, 10));
}

/** @returns the text of the newest state; null when there is none */
export async function readStateText(served: Folder, tag: string): Promise<string | null> {
  const name = stateName(served, tag);
  if (!isObject(served.path)) return await served.read(name);
  const states = served.below(name);
  const newest = (await stateNumbers(states)).at(-1);
  return newest === undefined ? null : await states.read(numberedState(newest));
}

/** @returns the shares that have a state, in the order of their names */
export async function sharesOfStates(served: Folder): Promise<IngestShare[]> {
  return sharesNamed(await served.names(), /^(?:ingest(-\d+of\d+)?\.json|_ingest(-\d+of\d+)?)$/);
}

/** @param places  a folder of locks; @returns the shares that have one, in the order of their names */
export async function sharesOfLocks(places: Folder): Promise<IngestShare[]> {
  return sharesNamed(await places.names(), /^lock(-\d+of\d+)?\.db$/);
}

function sharesNamed(names: readonly string[], pattern: RegExp): IngestShare[] {
  const found = names.flatMap((name) => {
    const match = pattern.exec(name);
    const share = match === null ? null : shareOfTag(match[1] ?? match[2] ?? '');
    return share === null ? [] : [share];
  });
  return [...new Map(found.map((share) => [shareTag(share), share])).values()];
}

/** @returns the texts of all states, to tell whether any of them has changed */
export async function allStates(served: Folder): Promise<string> {
  const tags = (await sharesOfStates(served)).map(shareTag);
  const texts = await Promise.all(tags.map((tag) => readStateText(served, tag)));
  return tags.map((tag, i) => `${tag}\n${texts[i]}`).join('\n');
}
