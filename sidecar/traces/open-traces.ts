/** The tracing of a sidecar, where its settings name a receiver. Called by main.ts. */
import type { Logger } from '../../contract/std/logger.ts';
import { OWN_PACKAGE } from '../../project/own-package.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { SpanExporter } from './span-exporter.ts';
import type { SpanCounts } from './span-exporter.ts';
import { Tracer } from './tracer.ts';

export interface Traces {
  readonly tracer: Tracer;
  readonly counts: SpanCounts;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** @returns null: nothing is traced */
export function openTraces({ project, serve }: Settings, pod: string, logger: Logger): Traces | null {
  const { url, share } = serve.traces;
  if (url === null) return null;
  const resource = {
    'service.name': 'plumbline-sidecar',
    'service.namespace': project,
    'service.instance.id': pod,
    'service.version': OWN_PACKAGE.version,
  };
  const exporter = new SpanExporter({ url, resource, logger });
  return {
    tracer: new Tracer(exporter, share),
    get counts() {
      return exporter.counts;
    },
    close: () => exporter.close(),
  };
}
