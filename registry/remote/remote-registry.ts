/**
 * The registry of a server: `registry: https://...` names a `plumb ui`, which asks who comes, holds the roles, writes
 * the audit and publishes. What it reads is what RegistryDatabase reads; what changes something is in remote-apply.ts.
 */
import { registryError, REGISTRY_ERRORS } from '../../contract/errors.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { CallError, httpCall, shownServer } from '../../project/connections/http-call.ts';
import type { HttpAnswer } from '../../project/connections/http-call.ts';
import type { KeptAllowance, RegistryDatabase } from '../../project/database/registry-database.ts';
import type { RegistryReads } from '../../project/database/registry-reads.ts';
import type { Rollout } from '../../project/database/rollout-table.ts';
import type { Project } from '../../project/project.ts';
import { sentToken } from '../access/command-caller.ts';

type Applied = NonNullable<Awaited<ReturnType<RegistryDatabase['applied']>>>;
type Applies = Awaited<ReturnType<RegistryDatabase['applies']>>;

/** A large plan takes its time; a server that says nothing for so long is given up. */
const LIMIT_MS = 120_000;
const MAX_BYTES = 256 << 20;

export class RemoteRegistry implements RegistryReads {
  readonly #project: Project;
  readonly #url: string;
  readonly rollouts: RegistryReads['rollouts'];
  readonly reads: RegistryReads['reads'];

  constructor(project: Project) {
    this.#project = project;
    this.#url = project.settings.registry.url.replace(/\/+$/, '');
    this.rollouts = {
      all: () => this.#get<Rollout[]>('rollouts', 'rollouts'),
      underWay: async () => (await this.rollouts.all()).find(({ state }) => state === 'staged') ?? null,
    };
    this.reads = {
      lastAchieved: async (views) => {
        const runs = await this.#get<RunRecord[]>('last-runs', 'runs');
        return new Map(runs.flatMap((run) => (views.includes(run.view) ? [[run.view, run]] : [])));
      },
    };
  }

  async id(): Promise<string> {
    return await this.#get<string>('', 'id');
  }

  async lastApplied(): Promise<Applied | null> {
    const last = await this.#get<number | null>('', 'last');
    return last === null ? null : this.applied(last);
  }

  async applied(sequence: number): Promise<Applied | null> {
    return await this.#get<Applied | null>(`applies/${sequence}`, 'apply');
  }

  async applies(): Promise<Applies> {
    return await this.#get<Applies>('applies', 'applies');
  }

  async allowances(): Promise<KeptAllowance[]> {
    return await this.#get<KeptAllowance[]>('allowances', 'allowances');
  }

  async runs({ view }: { readonly view?: string } = {}): Promise<RunRecord[]> {
    return await this.#get<RunRecord[]>(`runs?view=${encodeURIComponent(view ?? '')}`, 'runs');
  }

  async runParts({ view }: { readonly view?: string }): Promise<RunRecord[]> {
    return await this.#get<RunRecord[]>(`runs?parts=1&view=${encodeURIComponent(view ?? '')}`, 'runs');
  }

  /** @returns what the server says of it; @throws REG_REMOTE, or what the server refuses it with */
  async post<T>(path: string, body: object): Promise<T> {
    return (await this.#ask(path, JSON.stringify(body))) as T;
  }

  async #get<T>(path: string, field: string): Promise<T> {
    const answer = (await this.#ask(path)) as Readonly<Record<string, unknown>>;
    if (!Object.hasOwn(answer, field))
      throw this.#fault(`its answer has no ${field}: another version of plumb may run there`);
    return answer[field] as T;
  }

  async #ask(path: string, body?: string): Promise<unknown> {
    const token = await sentToken(this.#project);
    const headers: Record<string, string> = {
      accept: 'application/json',
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const url = `${this.#url}/api/registry${path === '' ? '' : '/'}${path}`;
    let answer: HttpAnswer;
    try {
      answer = await httpCall({
        method: body === undefined ? 'GET' : 'POST',
        url,
        headers,
        ...(body === undefined ? {} : { body }),
        limitMs: LIMIT_MS,
        ca: this.#project.settings.access.ca,
        maxBytes: MAX_BYTES,
      });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      const isOpen = body !== undefined && error.mayHaveArrived;
      const help = isOpen
        ? 'Whether it was taken is not known: `plumb versions` says so. Asking for the same again applies nothing twice.'
        : 'Look whether `plumb ui` runs there, and at access.ca, then try again: nothing was changed.';
      throw this.#fault(`it cannot be reached: ${error.message}`, help, error);
    }
    const json = jsonOf(answer.text);
    if (answer.status === 200 && typeof json === 'object' && json !== null) return json;
    throw this.#refused(answer, json);
  }

  /** What the server says is said here as it is: its codes are those of the registry, but for who asks. */
  #refused({ status }: HttpAnswer, json: unknown): Error {
    const { error } = (json ?? {}) as { error?: Record<string, unknown> };
    if (error === undefined || typeof error['code'] !== 'string' || typeof error['message'] !== 'string')
      return this.#fault(`it answers ${status}, and not as \`plumb ui\` does`);
    const { code, message } = error as { code: string; message: string };
    const details = {
      ...(typeof error['field'] === 'string' ? { field: error['field'] } : {}),
      ...(typeof error['help'] === 'string' ? { help: error['help'] } : {}),
    };
    if (Object.hasOwn(REGISTRY_ERRORS, code)) {
      const { kind } = REGISTRY_ERRORS[code as keyof typeof REGISTRY_ERRORS];
      return new CodedError({ code, kind }, message, details);
    }
    if (code === 'CAT_LOGIN') return registryError('REG_LOGIN', message);
    if (code === 'CAT_ROLE') return registryError('REG_ROLE', message);
    if (code === 'CAT_ROUTE')
      return this.#fault('it has no registry to ask: another version of plumb may run there');
    return this.#fault(message, details.help);
  }

  #fault(what: string, help?: string, cause?: unknown): Error {
    const message = `the registry ${shownServer(this.#url)}: ${what}`;
    return registryError(
      'REG_REMOTE',
      message,
      { field: 'registry', ...(help === undefined ? {} : { help }) },
      cause,
    );
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
