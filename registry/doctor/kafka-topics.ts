/** Kafka: whether the brokers answer, and whether the topics that the settings and streams name are there and keep. */
import type * as Client from '@platformatic/kafka';
import { countText } from '../../contract/std/count-text.ts';
import type { Bundle } from '../../contract/model.ts';
import { kafkaConnection } from '../../project/connections/kafka-connection.ts';
import type { KafkaAccess } from '../../project/settings/kafka-settings.ts';
import type { Settings } from '../../project/settings/settings.ts';
import { note, off, ok, wrong } from './finding.ts';
import type { SetupFinding } from './finding.ts';

const LIMIT_MS = 5_000;

/** Loaded where a Kafka is named: it is 500 modules. */
const client = (): Promise<typeof Client> => import('@platformatic/kafka');

/** Where the vector log goes. */
export async function logFindings({ log }: Settings): Promise<SetupFinding[]> {
  const check = 'log.kafka';
  if (log.kafka === null) return [off(check, 'the vector log is not shipped')];
  return topicFindings(check, log.kafka, [log.kafka.topic]);
}

/** What the applied definitions read. */
export async function streamFindings({ stream }: Settings, bundle: Bundle | null): Promise<SetupFinding[]> {
  const check = 'stream.kafka';
  const sources = [...(bundle?.views.values() ?? [])].flatMap(({ source }) => source.stream?.topic ?? []);
  const topics = [...new Set(sources)];
  if (stream.kafka !== null) return topicFindings(check, stream.kafka, topics);
  if (topics.length === 0) return [];
  const missing = `${topics.join(', ')} cannot be read: stream.kafka names no brokers`;
  return [wrong(check, missing, 'Set stream: { kafka: { brokers: ["HOST:PORT"] } }.')];
}

/** What a refused connection says, and what that asks for. */
const REFUSALS: readonly (readonly [says: RegExp, help: string])[] = [
  [/auth|SASL/i, 'The login is refused: look at sasl below this setting.'],
  [/certificate|self.signed|altnames|SSL|TLS|EPROTO/i, 'Look at tls below this setting.'],
  [/ENOENT/, 'A file that the settings name is not there.'],
  [/ENOTFOUND|EAI_AGAIN/, 'The name is not known here: correct brokers, or look at the DNS.'],
];
const AWAY =
  'Nothing answers there: start the broker, or correct brokers; a broker also has to announce a name that is reached from here.';

async function topicFindings(
  check: string,
  kafka: KafkaAccess,
  topics: readonly string[],
): Promise<SetupFinding[]> {
  const { Admin } = await client();
  let admin: Client.Admin | undefined;
  try {
    admin = new Admin({
      ...kafkaConnection(kafka),
      clientId: 'plumbline-doctor',
      connectTimeout: LIMIT_MS,
      requestTimeout: LIMIT_MS,
      retries: 0,
    });
    const known = new Set(await admin.listTopics());
    if (topics.length === 0) return [ok(check, `${kafka.brokers.join(', ')} answer`)];
    const findings: SetupFinding[] = [];
    for (const topic of topics) findings.push(await topicFinding(check, admin, topic, known));
    return findings;
  } catch (error) {
    const said = deepest(error as Error);
    const help = REFUSALS.find(([says]) => says.test(said))?.[1] ?? AWAY;
    return [wrong(check, `${kafka.brokers.join(', ')} cannot be used: ${said}`, help)];
  } finally {
    await admin?.close().catch(() => {});
  }
}

async function topicFinding(
  check: string,
  admin: Client.Admin,
  topic: string,
  known: ReadonlySet<string>,
): Promise<SetupFinding> {
  if (!known.has(topic))
    return wrong(
      check,
      `there is no topic ${topic}`,
      `Make it: kafka-topics.sh --create --topic ${topic} --partitions 6; or name another. A user without the right to describe it does not see it.`,
    );
  const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
  const partitions = topics.get(topic)?.partitionsCount ?? 0;
  const cleanup = await policyOf(admin, topic);
  if (cleanup !== null && /compact/.test(cleanup))
    return wrong(
      check,
      `${topic} has cleanup.policy=${cleanup}: Kafka removes messages that others of their key follow`,
      `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config cleanup.policy=delete`,
    );
  if (cleanup === null)
    return note(check, `${topic}: ${countText(partitions, 'partition')}; its settings may not be read`);
  return ok(check, `${topic}: ${countText(partitions, 'partition')}`);
}

/** @returns null where the user may not ask */
async function policyOf(admin: Client.Admin, topic: string): Promise<string | null> {
  const { ConfigResourceTypes } = await client();
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic };
  const asked = { ...resource, configurationKeys: ['cleanup.policy'] };
  const [answer] = await admin.describeConfigs({ resources: [asked] }).catch(() => []);
  return answer?.configs.find(({ name }) => name === 'cleanup.policy')?.value ?? null;
}

/** The client says "multiple errors" and has the reason below. */
function deepest(error: Error): string {
  const { errors } = error as AggregateError;
  const inner = (Array.isArray(errors) ? (errors as Error[]).at(-1) : undefined) ?? error.cause;
  return inner instanceof Error ? deepest(inner) : error.message;
}
