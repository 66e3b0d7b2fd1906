/**
 * A core for the server and the others for its load. A generator spins, so on two cores the scheduler would else let
 * whatever the server's other threads do fall now on the one, now on the other. By Linux's `taskset`.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Contender } from './contender.ts';

export interface Cores {
  readonly server: string;
  readonly load: string;
}

/** @returns null where there is but one core, or no `taskset` */
export function splitCores(): Cores | null {
  const [server, ...others] = allowedCores();
  if (server === undefined || others.length === 0) return null;
  if (spawnSync('taskset', ['-V']).status !== 0) return null;
  return { server: String(server), load: others.join(',') };
}

/** @returns the command that starts a program on those cores */
export function onCores(cores: string): string[] {
  return ['taskset', '-c', cores];
}

export function contenderOn(cores: Cores | null, contender: Contender): Contender {
  if (cores === null) return contender;
  const [program, ...args] = onCores(cores.server) as [string, ...string[]];
  return { ...contender, program, args: [...args, contender.program, ...contender.args] };
}

function allowedCores(): number[] {
  let status;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    return [];
  }
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [from, to = from] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
