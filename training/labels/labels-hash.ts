/**
 * The hash of the labels' file: taken before a byte of it is read, and again when the training set is written. The file
 * is read several times in between (keys and times, then the other columns), and a set of two states of it would have
 * labels beside features of others.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { trainingError } from '../errors.ts';

/** @returns SHA-256 in hexadecimal. @throws the file system's error */
export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of createReadStream(file)) hash.update(bytes as Buffer);
  return hash.digest('hex');
}

/** @throws TRAIN_LABELS when the file is not what it was when it was first read, or cannot be read any more */
export async function requireUnchanged(file: string, sha256: string): Promise<void> {
  const how = await sha256Of(file).then((now) => (now === sha256 ? null : 'changed'), whyUnreadable);
  if (how === null) return;
  throw trainingError('TRAIN_LABELS', `${file} ${how} while the training set was made of it`, {
    file,
    help: 'Run the command again when the file is whole: nothing was written.',
  });
}

function whyUnreadable({ code, message }: NodeJS.ErrnoException): string {
  return code === 'ENOENT' ? 'was removed' : `could not be read any more (${message})`;
}
