/** A sidecar as a process of its own, as it runs in production: `plumb serve`, started, waited for, and stopped. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { resolve } from 'node:path';

/** @param folder  the project's */
export async function startSidecar(folder: string): Promise<{ url: string; stop(): Promise<void> }> {
  const plumb = resolve(
    import.meta.dirname,
    import.meta.url.endsWith('.ts') ? '../../plumb.ts' : '../../plumb.js',
  );
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', plumb, '-C', folder, 'serve'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const url = await readyUrl(child);
  return {
    url,
    async stop() {
      const ended = new Promise((resolve_) => child.once('exit', resolve_));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve_, reject) => {
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const url = /serves on (http:\/\/\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve_(url);
    });
    child.once('exit', (code) =>
      reject(new Error(`plumb serve ended with ${code} before it was ready:\n${said}`)),
    );
  });
}

/** Two ports that are free now, so that the demo runs beside a sidecar on the usual ones. */
export async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve_) => {
          server.listen(0, '127.0.0.1', () => resolve_((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve_) => server.close(resolve_))));
  return ports as [number, number];
}
