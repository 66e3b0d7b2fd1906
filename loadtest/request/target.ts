/** Where the load goes: a loopback address or a unix socket, never another machine. */
import { lookup } from 'node:dns/promises';
import { request } from 'node:http';
import { loadError } from '../errors.ts';

/** What `net.connect` takes; plain, so that it goes to another process as JSON. */
export type LoadTarget =
  | { readonly host: string; readonly port: number; readonly hostHeader: string }
  | { readonly path: string; readonly hostHeader: string };

const UNIX = 'unix:';
const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/;

/**
 * @param url  `http://127.0.0.1:6566`, `http://localhost:6566`, `http://[::1]:6566` or `unix:/run/plumb.sock`
 * @throws     LOAD_TARGET for anything that is not this machine, LOAD_USAGE for what is no such URL
 */
export async function parseTarget(url: string): Promise<LoadTarget> {
  if (url.startsWith(UNIX)) return { path: url.slice(UNIX.length), hostHeader: 'localhost' };
  const parsed = URL.parse(url);
  if (parsed === null || parsed.protocol !== 'http:') {
    throw loadError('LOAD_USAGE', `--url: expected http://127.0.0.1:PORT or unix:PATH, got ${url}`, {
      field: 'url',
    });
  }
  const name = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const host = name === 'localhost' ? (await lookup(name)).address : name;
  if (!LOOPBACK.test(host)) {
    throw loadError(
      'LOAD_TARGET',
      `${name} is not a loopback address: the load test puts load on this machine only`,
      { field: 'url' },
    );
  }
  return { host, port: Number(parsed.port || 80), hostHeader: parsed.host };
}

/** @throws the system's error where nothing listens */
export function getText(target: LoadTarget, path: string): Promise<{ status: number; text: string }> {
  const to = 'path' in target ? { socketPath: target.path } : { host: target.host, port: target.port };
  const headers = { host: target.hostHeader };
  return new Promise((resolve, reject) => {
    const sent = request({ ...to, path, headers, agent: false, timeout: 5_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer within 5 s')));
    sent.on('error', reject);
    sent.end();
  });
}
