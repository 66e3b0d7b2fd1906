/**
 * The admin port: liveness, readiness, metrics, state. GET only and without entity ids, since not only the model
 * server reaches it. Its HTTP server runs in a thread of its own (admin-thread.ts); this is the side of the thread that
 * answers requests: it makes the pages and answers the other thread's pings.
 */
import { Worker } from 'node:worker_threads';
import type { CacheLayers } from '../../project/settings/serve-settings.ts';
import type { Logger } from '../../contract/std/logger.ts';
import type { AdminThreadInput, FromThread, Page, ToThread } from './admin-thread.ts';
import { sidecarError } from '../errors.ts';

interface AdminPages {
  metrics(): string;
  /** Which layers of the cache are on now; switched in plumbline.yaml, never here. */
  cacheLayers(): CacheLayers;
}

/** Of a thread that answers a few requests a second: a page of metrics is some 50 KB. */
const MEMORY = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 0.5, stackSizeMb: 1 };
/** A profile of a minute, or the pieces of a heap snapshot that are on their way to a slow reader. */
const PROFILING_MEMORY = { ...MEMORY, maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 16 };
const TEXT = 'text/plain; charset=utf-8';
// Beside this file, in the source tree as in the package.
const THREAD = new URL(`./admin-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

export class Admin {
  readonly port: number;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #pages: AdminPages | null = null;
  #stopping = false;

  private constructor(worker: Worker, port: number, logger: Logger) {
    this.port = port;
    this.#worker = worker;
    let fault = 'it ended';
    worker.on('error', (error) => (fault = (error as Error).message));
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        if (!this.#stopping) logger.warn(`the admin port is gone until the next start: ${fault}`);
        resolve();
      });
    });
    worker.on('message', (message: FromThread) => {
      if ('ping' in message) this.#post({ pong: true });
      else if ('ask' in message) this.#post({ page: message.ask, ...pageOf(message.path, this.#pages) });
    });
  }

  /** @throws SRV_PORT */
  static async open(input: AdminThreadInput, logger: Logger): Promise<Admin> {
    const resourceLimits = input.profiling ? PROFILING_MEMORY : MEMORY;
    const worker = new Worker(THREAD, { workerData: input, name: 'plumbline admin', resourceLimits });
    const said = await new Promise<FromThread>((resolve) => {
      worker.once('message', resolve);
      worker.once('error', (error) => resolve({ fault: (error as Error).message }));
    });
    if ('port' in said) return new Admin(worker, said.port, logger);
    await worker.terminate();
    const reason = 'fault' in said ? said.fault : 'its thread did not start';
    const message = `cannot listen on the admin port ${input.port}: ${reason}`;
    throw sidecarError('SRV_PORT', message, { field: 'serve.adminPort' });
  }

  /** Answers pages from now on; before that, they are answered with 503. */
  show(pages: AdminPages): void {
    this.#pages = pages;
  }

  /** What /readyz says from now on. */
  tell(ready: boolean, reason: string): void {
    this.#post({ ready, reason });
  }

  async close(): Promise<void> {
    this.#stopping = true;
    await this.#worker.terminate();
    await this.#ended;
  }

  #post(message: ToThread): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    this.#worker.postMessage(message);
  }
}

/** A fault in a page is that page's: it must not end the process that serves features. */
function pageOf(path: string, pages: AdminPages | null): Page {
  try {
    if (path !== '/metrics' && path !== '/cache-layers') {
      return {
        status: 404,
        type: TEXT,
        text: 'there are /livez, /readyz, /metrics, /cache-layers and /debug/\n',
      };
    }
    if (pages === null) return { status: 503, type: TEXT, text: 'the sidecar starts\n' };
    return path === '/metrics'
      ? { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', text: pages.metrics() }
      : { status: 200, type: 'application/json', text: JSON.stringify(pages.cacheLayers()) };
  } catch (error) {
    return { status: 500, type: TEXT, text: `${(error as Error).message}\n` };
  }
}
