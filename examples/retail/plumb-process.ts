/** Programs of Plumbline as processes of their own, as they run in production: started, waited for, and stopped. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { resolve } from 'node:path';

export interface PlumbProcess {
  hasEnded(): boolean;
  stop(): Promise<void>;
}

interface Sidecar extends PlumbProcess {
  readonly url: string;
}

/** @param folder  the project's */
export async function startSidecar(folder: string): Promise<Sidecar> {
  const { said, ...sidecar } = start(folder, 'serve');
  return { ...sidecar, url: await said(/serves on (http:\/\/\S+)/) };
}

/** @param folder  the project's */
export function startProgram(folder: string, ...command: readonly string[]): PlumbProcess {
  const { said: _, ...program } = start(folder, ...command);
  return program;
}

/** @returns the process, and what waits for it to say something: the pattern's group */
function start(folder: string, ...command: readonly string[]) {
  const plumb = resolve(
    import.meta.dirname,
    import.meta.url.endsWith('.ts') ? '../../plumb.ts' : '../../plumb.js',
  );
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', plumb, '-C', folder, ...command],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let text = '';
  const ended = new Promise<number | NodeJS.Signals>((done) => {
    child.once('exit', (code, signal) => done(code ?? signal!));
  });
  child.stderr!.setEncoding('utf8').on('data', (more: string) => (text += more));
  return {
    said: (pattern: RegExp) =>
      new Promise<string>((done, reject) => {
        child.stderr!.on('data', () => {
          const found = pattern.exec(text)?.[1];
          if (found !== undefined) done(found);
        });
        void ended.then((code) =>
          reject(new Error(`plumb ${command.join(' ')} ended with ${code} before it was ready:\n${text}`)),
        );
      }),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      // Until its modules are loaded a program has no handler yet, and nothing to lose.
      const hadNotBegun = code === 'SIGTERM' && text === '';
      if (code !== 0 && !hadNotBegun)
        throw new Error(`plumb ${command.join(' ')} ended with ${code}:\n${text}`);
    },
  };
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
