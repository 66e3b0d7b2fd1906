/** HTTP as bytes, for requests that no client would send, and what comes back. */
import { connect } from 'node:net';

export interface RawAnswer {
  /** Everything that came until the connection ended, or until `quietMs` passed without a byte. */
  readonly text: string;
  /** Whether the server ended the connection. */
  readonly closed: boolean;
}

/** The status of each answer in the text, in order. */
export function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((m) => Number(m[1]));
}

export function sendRaw(port: number, request: string | Buffer, quietMs = 300): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let closed = false;
    const quiet = setTimeout(() => socket.destroy(), quietMs);
    socket.on('data', (chunk) => {
      text += chunk.toString();
      quiet.refresh();
    });
    socket.on('end', () => {
      closed = true;
    });
    socket.on('error', () => {
      closed = true;
    });
    socket.on('close', () => {
      clearTimeout(quiet);
      resolve({ text, closed });
    });
    socket.write(request);
  });
}
