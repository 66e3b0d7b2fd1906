/**
 * A list of single features, as Feast's client requests them, as a service without a name. On-demand views bring what
 * they use; where two of them give a role's name to different rows, the second row gets a name of its own.
 */
import type {
  Bundle,
  FeatureService,
  JoinKey,
  RequestInput,
  ServiceFeature,
  ServiceOnDemand,
  ServiceView,
  UsedView,
} from '../../contract/model.ts';
import { sidecarError } from '../errors.ts';

/**
 * @param refs  `view:feature`; the view by its id
 * @throws      SRV_UNKNOWN_FEATURE; SRV_AMBIGUOUS_FEATURE where two views take different inputs of one name
 */
export function listAsService(refs: readonly string[], bundle: Bundle): FeatureService {
  const parts = new ListParts(bundle);
  const features = refs.map((ref, i): ServiceFeature => {
    const [view, feature] = splitReference(ref);
    const of = bundle.views.get(view) ?? bundle.onDemand.get(view);
    if (of === undefined || !of.features.some((f) => f.name === feature)) {
      const what = of === undefined ? `no feature view ${view}` : `no feature ${feature} in ${view}`;
      const message = `there is ${what} (asked for as ${JSON.stringify(ref)})`;
      throw sidecarError('SRV_UNKNOWN_FEATURE', message, { field: `features[${i}]` });
    }
    parts.add(view);
    return { fullName: `${view}__${feature}`, view, role: view, feature };
  });
  return {
    name: '',
    version: 0,
    features,
    ...parts.all(),
    consumers: [],
    tensor: 'float64',
    description: null,
    owner: null,
    tags: [],
  };
}

/** What the views of a list need, each once. */
class ListParts {
  readonly #bundle: Bundle;
  /** By role. */
  readonly #views = new Map<string, ServiceView>();
  readonly #onDemand = new Map<string, ServiceOnDemand>();
  readonly #keys = new Map<string, JoinKey>();
  readonly #inputs = new Map<string, RequestInput>();

  constructor(bundle: Bundle) {
    this.#bundle = bundle;
  }

  all(): Pick<FeatureService, 'views' | 'onDemand' | 'requestKeys' | 'inputs'> {
    return {
      views: [...this.#views.values()],
      onDemand: [...this.#onDemand.values()],
      requestKeys: [...this.#keys.values()],
      inputs: [...this.#inputs.values()].filter(({ name }) => !this.#keys.has(name)),
    };
  }

  /** @param id  of a feature view or of an on-demand view */
  add(id: string): void {
    if (this.#bundle.onDemand.has(id)) this.#addOnDemand(id);
    else
      this.#addRow(
        id,
        id,
        this.#joinKeys(id).map((key) => key.name),
      );
  }

  #addOnDemand(id: string): void {
    if (this.#onDemand.has(id)) return;
    const { inputs, uses } = this.#bundle.onDemand.get(id)!;
    const roles = uses.map((used) => this.#addUsed(used));
    for (const input of inputs) this.#addInput(input);
    this.#onDemand.set(id, { role: id, view: id, uses: roles });
  }

  #addUsed({ role, view, requestKeys }: UsedView): string {
    if (!this.#bundle.onDemand.has(view)) return this.#addRow(role, view, requestKeys);
    this.#addOnDemand(view);
    return view;
  }

  /** @returns the role that the row has in the list */
  #addRow(role: string, view: string, requestKeys: readonly string[]): string {
    const known = this.#views.get(role);
    const isTaken =
      known === undefined
        ? this.#bundle.onDemand.has(role)
        : known.view !== view || known.requestKeys.join() !== requestKeys.join();
    if (isTaken) return this.#addRow(`${role}_`, view, requestKeys);
    this.#views.set(role, { role, view, requestKeys });
    for (const [i, { type }] of this.#joinKeys(view).entries()) {
      this.#keys.set(requestKeys[i]!, { name: requestKeys[i]!, type });
    }
    return role;
  }

  #addInput(input: RequestInput): void {
    const known = this.#inputs.get(input.name);
    if (known === undefined) this.#inputs.set(input.name, input);
    else if (JSON.stringify(known) !== JSON.stringify(input)) {
      const message = `two on-demand views of the list take different inputs named ${input.name}; ask for them apart`;
      throw sidecarError('SRV_AMBIGUOUS_FEATURE', message, { field: 'features' });
    }
  }

  #joinKeys(view: string): readonly JoinKey[] {
    return this.#bundle.entities.get(this.#bundle.views.get(view)!.entity)!.joinKeys;
  }
}

function splitReference(ref: string): [string, string] {
  const colon = ref.lastIndexOf(':');
  return colon === -1 ? [ref, ''] : [ref.slice(0, colon), ref.slice(colon + 1)];
}
