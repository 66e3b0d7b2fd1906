/** Where a server's CPU time goes: the self times of a profile that `node --cpu-prof` wrote. */
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface SelfTime {
  /** `function file:line`, or V8's own such as `(garbage collector)`. */
  readonly where: string;
  /** Of the time that was not idle, in [0, 1]. */
  readonly share: number;
}

/**
 * @param lastS  only the profile's last seconds count: before them the server started and warmed up
 * @returns      the greatest self times of the profile in the folder, `(idle)` left out
 */
export function topSelfTimes(folder: string, count: number, lastS: number): SelfTime[] {
  return selfTimes(folder, lastS, nameOf).slice(0, count);
}

/**
 * @param stages  what the files are of whose URLs a pattern matches; the first that does counts
 * @returns       the self times by stage; `where` is V8's own word for what is in no file: its garbage collector
 */
export function stageTimes(
  folder: string,
  stages: readonly (readonly [file: RegExp, stage: string])[],
): SelfTime[] {
  return selfTimes(folder, Infinity, ({ functionName, url }) => {
    const found = stages.find(([file]) => file.test(url));
    return found?.[1] ?? (url === '' ? functionName : 'other');
  });
}

function selfTimes(folder: string, lastS: number, wordOf: (frame: CallFrame) => string): SelfTime[] {
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`no CPU profile was written to ${folder}`);
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile;
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, wordOf(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  let leftUs = profile.timeDeltas.reduce((sum, us) => sum + us, 0);
  for (const [i, node] of profile.samples.entries()) {
    const us = profile.timeDeltas[i]!;
    const name = names.get(node)!;
    leftUs -= us;
    if (name === '(idle)' || leftUs > lastS * 1e6) continue;
    times.set(name, (times.get(name) ?? 0) + us);
    busy += us;
  }
  return [...times].toSorted(([, a], [, b]) => b - a).map(([where, us]) => ({ where, share: us / busy }));
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${basename(url)}:${lineNumber + 1}`;
}
