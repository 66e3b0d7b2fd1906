/**
 * The unix socket that a sidecar listens on: taken only when nobody serves there, opened to those who may call, removed
 * at the end. The transports do not do this themselves: one of them even removes whatever stands at a path before it
 * binds.
 *
 *   path is free      ----------------------------------------->  bind beside it, mode and group, link(2) to the path
 *   a socket          nobody answers: a process that was killed   moved aside, then the same
 *                     somebody answers                            refused
 *   anything else                                                 refused, left as it is
 *
 * link(2) fails where the path exists, so of two sidecars that start at once one is refused; and nobody can connect
 * before the mode is right. Called by open-transport.ts.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, linkSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { sidecarError } from '../errors.ts';
import { UNIX } from './transport.ts';
import type { Transport } from './transport.ts';

interface SocketAccess {
  /** Such as 0o660: a client needs the permission to write in order to connect. */
  readonly mode: number;
  /** A name or a number; null: that of this process. */
  readonly group: string | null;
}

/** Renaming would do there, and replace the socket of another process, which nobody could reach any more. */
const NO_LINKS =
  'its volume has no hard links, by which of two processes one gets the path: choose a folder of another file system, ' +
  'such as /run or /tmp';
/** Why link(2) fails. */
const LINK_FAULTS: Readonly<Record<string, string>> = {
  EEXIST: 'another process has just taken it',
  ENOENT: 'its folder has just been removed',
  EPERM: NO_LINKS,
  ENOTSUP: NO_LINKS,
  ENOSYS: NO_LINKS,
};

/** What the kernel takes (sun_path), less the zero at its end. */
const MAX_PATH_BYTES = 107;
const PROBE_LIMIT_MS = 1_000;
const GROUPS_FILE = '/etc/group';

/**
 * @returns a function that removes the socket, if it is still this one
 * @throws  SRV_PORT
 */
export async function listenOnSocket(
  transport: Transport,
  path: string,
  access: SocketAccess,
): Promise<() => void> {
  const aside = besides(path);
  for (const each of [path, aside]) {
    const bytes = Buffer.byteLength(each);
    if (bytes > MAX_PATH_BYTES)
      throw refused(path, `the path ${each} has ${bytes} bytes, at most ${MAX_PATH_BYTES} fit`);
  }
  const gid = access.group === null ? null : groupId(path, access.group);
  const dead = await deadSocket(path);
  await transport.listen(`${UNIX}${aside}`, 0).catch((error: Error) => {
    throw refused(path, 'its folder is not there, or this process may not write to it', error);
  });
  let own: Stats;
  try {
    own = lstatSync(aside);
    chmodSync(aside, access.mode);
    if (gid !== null) chownSync(aside, -1, gid);
    if (dead !== null) moveAside(path, dead);
    linkSync(aside, path);
  } catch (error) {
    const { syscall, code = '', message } = error as NodeJS.ErrnoException;
    throw refused(path, (syscall === 'link' ? LINK_FAULTS[code] : undefined) ?? message, error);
  } finally {
    rmSync(aside, { force: true });
  }
  return () => {
    const there = statOf(path);
    if (there !== null && isSame(there, own)) rmSync(path, { force: true });
  };
}

/** @returns the dead socket at the path, which nobody serves; null: there is nothing */
async function deadSocket(path: string): Promise<Stats | null> {
  const there = statOf(path);
  if (there === null) return null;
  if (!there.isSocket()) {
    throw refused(path, 'something else than a socket is there already: remove it, or choose another path');
  }
  const answer = await probe(path);
  if (answer === null) return there;
  throw refused(path, answer);
}

/** @returns why the socket must not be taken; null: nobody listens */
function probe(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const tell = (answer: string | null): void => {
      clearTimeout(limit);
      socket.destroy();
      resolve(answer);
    };
    const limit = setTimeout(() => tell('another process holds it'), PROBE_LIMIT_MS);
    socket.once('connect', () => tell('another process serves there'));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const isDead = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
      tell(isDead ? null : `a socket is there that this process may not try: ${error.message}`);
    });
  });
}

/** Removes the dead socket, but nothing that has taken its place meanwhile. */
function moveAside(path: string, dead: Stats): void {
  const moved = besides(path);
  if (statOf(path) === null) return;
  renameSync(path, moved);
  if (!isSame(lstatSync(moved), dead)) linkSync(moved, path);
  rmSync(moved);
}

/** A random name: process numbers are not unique where containers share a folder. */
function besides(path: string): string {
  return join(dirname(path), `.${randomBytes(4).toString('hex')}`);
}

function isSame(a: Stats, b: Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

function statOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

function groupId(path: string, group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync(GROUPS_FILE, 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${group}:`));
  if (line === undefined) throw refused(path, `there is no group ${group} in ${GROUPS_FILE}`);
  return Number(line.split(':')[2]);
}

function refused(path: string, why: string, cause?: unknown): Error {
  return sidecarError(
    'SRV_PORT',
    `cannot listen on the unix socket ${path}: ${why}`,
    { field: 'serve.host' },
    cause,
  );
}
