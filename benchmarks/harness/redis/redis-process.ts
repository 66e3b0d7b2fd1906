/** A Redis of the benchmark's own: empty, without persistence, on loopback. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../contender.ts';

const BUS = 10_000;
const PORTS = 65_536;

export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * @param more  of the server's arguments
 * @throws      Error with one sentence when there is no redis-server on the path
 */
export async function startRedis(folder: string, more: readonly string[] = []): Promise<RedisProcess> {
  const isInCluster = more.includes('--cluster-enabled');
  const port = isInCluster ? await freeBusPort() : await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...more];
  const child = spawn('redis-server', args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Error(`The benchmark needs redis-server on the path: ${error.message}`)),
    );
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('eady to accept connections')) resolve();
    });
  });
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The nodes of a cluster talk to each other at their port and 10,000. */
async function freeBusPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port + BUS < PORTS) return port;
    if (port - BUS > BUS) return port - BUS;
  }
}
