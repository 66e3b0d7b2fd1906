/**
 * Makes a long OpenAPI document short: a schema, a parameter or an answer that stands in several places is written
 * once, as a component, and named elsewhere. What it says stays the same. Pure.
 */
type Json = Readonly<Record<string, unknown>>;

/** A name for it takes about so many letters. */
const SHORT = 60;
/** Where a schema has further schemas: itself, in a list, by a name. */
const OF_ITSELF = ['items', 'additionalProperties', 'contentSchema', 'propertyNames'] as const;

/** @param document  with `paths` and `components.schemas`; not modified */
export function withSharedParts(document: Json): Json {
  const { schemas } = document['components'] as { schemas: Record<string, Json> };
  const sharing = new Sharing();
  const own = Object.values(schemas);
  for (const schema of own) sharing.countWithin(schema);
  const operations = Object.values(document['paths'] as Json).flatMap((path) => operationsOf(path as Json));
  for (const operation of operations) sharing.countOperation(operation);
  const paths = Object.fromEntries(
    Object.entries(document['paths'] as Json).map(([path, methods]) => [path, sharing.path(methods as Json)]),
  );
  const kept = Object.fromEntries(Object.entries(schemas).map(([name, one]) => [name, sharing.within(one)]));
  return {
    ...document,
    paths,
    components: { schemas: { ...kept, ...sharing.made.schemas }, ...sharing.others() },
  };
}

/** Methods of a path; `parameters` of all of them stand beside. */
function operationsOf(path: Json): Json[] {
  return Object.entries(path).flatMap(([method, one]) => (method === 'parameters' ? [] : [one as Json]));
}

type Kind = 'schemas' | 'parameters' | 'responses';

class Sharing {
  readonly made: Record<Kind, Record<string, unknown>> = { schemas: {}, parameters: {}, responses: {} };
  readonly #counts = new Map<string, number>();
  readonly #names = new Map<string, string>();

  /** Counts the schemas within one. */
  countWithin(schema: Json): void {
    mapWithin(schema, (one) => {
      this.#count(one);
      this.countWithin(one);
      return one;
    });
  }

  countOperation({ parameters = [], responses = {} }: Json): void {
    for (const one of [...(parameters as Json[]), ...Object.values(responses as Json)])
      this.#count(one as Json);
  }

  /** @returns the schema with what is shared of it as names */
  within(schema: Json): Json {
    return mapWithin(schema, (one) => this.#named('schemas', one, () => this.within(one)));
  }

  path(methods: Json): Json {
    return Object.fromEntries(
      Object.entries(methods).map(([method, one]) => [
        method,
        method === 'parameters' ? one : this.#operation(one as Json),
      ]),
    );
  }

  /** The components beside the schemas. */
  others(): Json {
    const { parameters, responses } = this.made;
    return { parameters, responses };
  }

  #operation({ parameters, responses, ...operation }: Json): Json {
    return {
      ...operation,
      ...(parameters === undefined
        ? {}
        : { parameters: (parameters as Json[]).map((one) => this.#named('parameters', one, () => one)) }),
      responses: Object.fromEntries(
        Object.entries(responses as Json).map(([status, one]) => {
          return [status, this.#named('responses', one as Json, () => one as Json)];
        }),
      ),
    };
  }

  #count(one: Json): void {
    const text = JSON.stringify(one);
    this.#counts.set(text, (this.#counts.get(text) ?? 0) + 1);
  }

  #named(kind: Kind, one: Json, content: () => Json): Json {
    const text = JSON.stringify(one);
    if (text.length <= SHORT || (this.#counts.get(text) ?? 0) < 2) return content();
    const key = `${kind} ${text}`;
    let name = this.#names.get(key);
    if (name === undefined) {
      name = `s${this.#names.size + 1}`;
      this.#names.set(key, name);
      this.made[kind][name] = content();
    }
    return { $ref: `#/components/${kind}/${name}` };
  }
}

/** @returns the schema with each schema that it directly has put through `change` */
function mapWithin(schema: Json, change: (one: Json) => Json): Json {
  const changed: Record<string, unknown> = { ...schema };
  for (const key of OF_ITSELF) if (isSchema(schema[key])) changed[key] = change(schema[key]);
  if (Array.isArray(schema['anyOf']))
    changed['anyOf'] = (schema['anyOf'] as unknown[]).map((one) => (isSchema(one) ? change(one) : one));
  if (isSchema(schema['properties']))
    changed['properties'] = Object.fromEntries(
      Object.entries(schema['properties']).map(([name, one]) => [name, isSchema(one) ? change(one) : one]),
    );
  return changed;
}

function isSchema(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
