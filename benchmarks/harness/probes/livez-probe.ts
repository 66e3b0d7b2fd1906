/** Asks for /livez while something else goes on. */
const PROBE_MS = 50;

/** Requests /livez as a kubelet would, only more often. An answer that does not come counts with the time waited. */
export class LivezProbe {
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  readonly #probes: Promise<void>[] = [];
  #maxMs = 0;

  constructor(adminPort: number) {
    this.#url = `http://127.0.0.1:${adminPort}/livez`;
    this.#timer = setInterval(() => this.#probes.push(this.#ask()), PROBE_MS);
  }

  async stop(): Promise<{ maxMs: number; probes: number }> {
    clearInterval(this.#timer);
    await Promise.all(this.#probes);
    return { maxMs: this.#maxMs, probes: this.#probes.length };
  }

  async #ask(): Promise<void> {
    const beganMs = performance.now();
    const response = await fetch(this.#url).catch(() => null);
    await response?.arrayBuffer();
    const tookMs = response?.status === 200 ? performance.now() - beganMs : Infinity;
    this.#maxMs = Math.max(this.#maxMs, tookMs);
  }
}
