/** A sidecar of the soak: the same ports, spool and name through all its starts, and what can be broken about it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Broken } from './breakable-sidecar.ts';
import type { LoadTarget } from './soak-load.ts';
import { SoakedProcess } from './soaked-process.ts';

const READY = /serves on http/;
const WELL: Broken = { diskStalls: false, diskIsFull: false, clockAheadMs: 0 };

interface PodOptions {
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
  /** The project's. */
  readonly folder: string;
  readonly transport: 'auto' | 'node';
  readonly onEnd: (how: string) => void;
}

export class SoakedPod implements LoadTarget {
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
  readonly process: SoakedProcess;
  /** How often it was started, and how often it had no time to end. */
  readonly starts = { all: 0, killed: 0 };
  readonly #state: string;

  constructor({ name, port, adminPort, folder, transport, onEnd }: PodOptions) {
    this.name = name;
    this.port = port;
    this.adminPort = adminPort;
    this.#state = join(folder, `${name}.broken.json`);
    const preload = pathToFileURL(join(import.meta.dirname, 'breakable-sidecar.ts'));
    preload.search = encodeURIComponent(this.#state);
    const settings = [
      `log.spool=.plumb/spool-${name}`,
      `serve.port=${port}`,
      `serve.adminPort=${adminPort}`,
      `serve.transport=${transport}`,
    ];
    this.process = new SoakedProcess({
      name,
      args: ['-C', folder, ...settings.flatMap((one) => ['--set', one]), 'serve'],
      flags: ['--import', preload.href],
      env: { POD_UID: name },
      log: join(folder, `${name}.log`),
      onEnd,
    });
  }

  async start(): Promise<void> {
    writeFileSync(this.#state, JSON.stringify(WELL));
    this.starts.all += 1;
    await this.process.start(READY);
  }

  /** @throws Error when it does not end in order */
  async stop(): Promise<void> {
    if (this.process.pid === 0) return;
    const code = await this.process.stop();
    if (code !== 0) throw new Error(`${this.name} ended with ${code}:\n${this.process.said}`);
  }

  async kill(): Promise<void> {
    this.starts.killed += 1;
    await this.process.stop('SIGKILL');
  }

  /** What is not named is well. */
  breaks(broken: Partial<Broken>): void {
    writeFileSync(this.#state, JSON.stringify({ ...WELL, ...broken }));
    this.process.signal('SIGUSR2');
  }

  mended(): void {
    this.breaks({});
  }
}
