/**
 * What the sidecar says while it serves: sentences on a terminal, JSON lines (pino) where nobody watches, so that a
 * log collector can read level and time. Neither ever holds a request's body or an entity's id.
 */
import { pino } from 'pino';
import type { Talk } from '../registry/std/talk.ts';

/**
 * @param stream    standard error
 * @param terminal  what speaks when the stream is a terminal
 */
export function logLines(stream: NodeJS.WriteStream, terminal: Talk): Talk {
  if (stream.isTTY) return terminal;
  // Synchronous: a line that says why a process ends must be out before it ends.
  const destination = pino.destination({ fd: 2, sync: true });
  const log = pino(
    { base: { program: 'plumb serve' }, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );
  return { say: (line) => log.info(line), warn: (line) => log.warn(line), progress() {} };
}
