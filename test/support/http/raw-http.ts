/** HTTP as bytes, for requests that no client would send, and what comes back. */
import { connect } from 'node:net';

interface RawAnswer {
  /** Everything that came, a character a byte. */
  readonly text: string;
  /** Whether the server ended the connection. */
  readonly closed: boolean;
}

/** The status of each answer in the text, in order. */
export function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((m) => Number(m[1]));
}

interface RawWait {
  /** Whole answers after which the client leaves; without it the client waits until the server ends the connection. */
  readonly answers?: number;
  /** The client leaves once nothing came for so long. For clients that misbehave: a test decides nothing by it. */
  readonly quietMs?: number;
}

const LIMIT_MS = 120_000;

export function sendRaw(port: number, request: string | Buffer, wait: RawWait = {}): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let closed = false;
    const leave = setTimeout(() => socket.destroy(), wait.quietMs ?? LIMIT_MS);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (wait.quietMs !== undefined) leave.refresh();
      if (wait.answers !== undefined && wholeAnswers(text) >= wait.answers) socket.destroy();
    });
    socket.on('end', () => {
      closed = true;
    });
    socket.on('error', () => {
      closed = true;
    });
    socket.on('close', () => {
      clearTimeout(leave);
      resolve({ text, closed });
    });
    socket.write(request);
  });
}

/** How many answers with a Content-Length the text holds from its start, to their last byte. */
function wholeAnswers(text: string): number {
  let count = 0;
  for (let at = 0; ; count++) {
    const head = text.indexOf('\r\n\r\n', at);
    if (head === -1) return count;
    const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(at, head))?.[1] ?? 0;
    at = head + 4 + Number(length);
    if (at > text.length) return count;
  }
}
