/**
 * What stands for the images that `compose.yaml` names: Plumbline's own as the Dockerfile configures them, over a built
 * package; those of Redis, Kafka, PostgreSQL and Prometheus are this machine's programs, started as the images do.
 */
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { kafkaProgram } from '../kafka/kafka-program.ts';
import { mavenJars } from '../kafka/maven-jars.ts';
import { findPostgres } from '../postgres/postgres.ts';
import { prometheusProgram } from '../prometheus/prometheus-server.ts';
import { mountOf } from './compose-file.ts';
import type { ComposeService } from './compose-file.ts';
import { instructions } from './image-build.ts';
import { PATH } from './small-engine.ts';
import type { ContainerOptions } from './small-engine.ts';

/** PostgreSQL does not run as root: nobody. */
const NOBODY = 65_534;
const KAFKA_TOOLS = {
  'kafka-topics': 'TopicCommand',
  'kafka-broker-api-versions': 'BrokerApiVersionsCommand',
};
/** The image's own code makes the server's settings of the environment, and formats its storage. */
const KAFKA_LOG4J = `Configuration:
  Appenders: { Console: { name: STDOUT, PatternLayout: { pattern: "%m%n" } } }
  Loggers: { Root: { level: WARN, AppenderRef: [{ ref: STDOUT }] }, Logger: [{ name: kafka, level: WARN }] }
`;
const POSTGRES = `
printf %s "$POSTGRES_PASSWORD" > /tmp/password
initdb -D "$PGDATA" -U "$POSTGRES_USER" -A scram-sha-256 --pwfile=/tmp/password --no-sync
echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql -c fsync=off
`;

interface Places {
  /** Of the volumes, a folder each. */
  readonly volumes: string;
  /** Has package.json, dist and node_modules. */
  readonly plumbline: string;
}

/** @returns the container of a service, whatever image it names */
export async function containerOf(service: ComposeService, places: Places): Promise<ContainerOptions> {
  const env = Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, value]) => [name, String(value)]),
  );
  const [image] = service.image.split('/').at(-1)!.split(':');
  const own = await imageOf(image!, service, places);
  const mounts = (service.volumes ?? []).map(mountOf).map(({ from, isVolume, to, isReadOnly }) => {
    return { from: isVolume ? volumeOf(join(places.volumes, from), own.user ?? 0) : from, to, isReadOnly };
  });
  return {
    ...own,
    env: { ...own.env, ...env },
    mounts: [...(own.mounts ?? []), ...mounts],
    tmpfs: [...(own.tmpfs ?? []), ...(service.tmpfs ?? [])],
    isReadOnly: service.read_only === true,
  };
}

async function imageOf(image: string, service: ComposeService, places: Places): Promise<ContainerOptions> {
  const command = service.command ?? [];
  switch (image) {
    case 'plumbline':
    case 'plumbline-sidecar':
      return ownImage(image === 'plumbline' ? image : 'sidecar', service, places);
    case 'redis':
      return {
        command: [...command, ...(command[0] === 'redis-server' ? ['--protected-mode', 'no'] : [])],
        ...IN_DATA,
      };
    case 'kafka':
      return kafkaImage(command);
    case 'postgres': {
      const bin = await findPostgres();
      const env = { PGDATA: '/var/lib/postgresql/data', PATH: `${bin}:${PATH}` };
      return { command: ['sh', '-ec', POSTGRES], env, user: NOBODY, tmpfs: ['/tmp', '/run/postgresql'] };
    }
    case 'prometheus': {
      const program = await prometheusProgram('prometheus');
      const args = ['--config.file=/etc/prometheus/prometheus.yml', '--storage.tsdb.path=/prometheus'];
      return { command: [program, ...args], tmpfs: ['/prometheus'] };
    }
    default:
      throw new Error(`nothing stands for the image ${image}`);
  }
}

const IN_DATA = { workdir: '/data', tmpfs: ['/data'] };

/** ENTRYPOINT, CMD, ENV, USER and WORKDIR of a stage, the package at /plumbline, and this machine's Node. */
function ownImage(stage: string, service: ComposeService, { plumbline }: Places): ContainerOptions {
  const all = instructions();
  const from = all.findIndex(([word, rest]) => word === 'FROM' && rest.endsWith(` AS ${stage}`));
  const until = all.findIndex(([word], i) => word === 'FROM' && i > from);
  const own = all.slice(from + 1, until === -1 ? undefined : until);
  const last = (word: string): string => own.findLast(([name]) => name === word)![1];
  const listOf = (word: string): string[] => JSON.parse(last(word)) as string[];
  const entrypoint = service.entrypoint ?? listOf('ENTRYPOINT');
  const command = service.command ?? (service.entrypoint === undefined ? listOf('CMD') : []);
  const [name, value] = last('ENV').split('=');
  return {
    command: [...entrypoint, ...command],
    env: { [name!]: value! },
    user: Number(last('USER').split(':')[0]),
    workdir: last('WORKDIR'),
    mounts: [
      { from: plumbline, to: '/plumbline', isReadOnly: true },
      { from: process.execPath, to: '/usr/local/bin/node', isReadOnly: true },
    ],
  };
}

/** @returns the folder of a volume; the first that mounts it owns it, as the image's folder would be its user's */
function volumeOf(folder: string, user: number): string {
  if (mkdirSync(folder, { recursive: true }) !== undefined) chownSync(folder, user, user);
  return folder;
}

async function kafkaImage(command: readonly string[]): Promise<ContainerOptions> {
  const program = await kafkaProgram();
  if (program.kind !== 'java') throw new Error('Kafka has to run on this machine’s Java here');
  const tools = await mavenJars('kafka-tools-4.1.0', [
    { group: 'org.apache.kafka', artifact: 'kafka-tools', version: '4.1.0', alone: true },
  ]);
  if (typeof tools !== 'string') throw new Error(tools.tried.join('; '));
  const java = `${program.java} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m -cp '${program.classPath}:${join(tools, '*')}'`;
  const setup = `--default-configs-dir /etc/kafka/docker --mounted-configs-dir /tmp/mounted --final-configs-dir /tmp/config`;
  const serve = [
    'mkdir -p /tmp/mounted /tmp/config',
    `${java} kafka.docker.KafkaDockerWrapper setup ${setup}`,
    `exec ${java} kafka.Kafka /tmp/config/server.properties`,
  ].join('\n');
  const toolPrograms = Object.entries(KAFKA_TOOLS).map(([name, className]) => [
    `/opt/kafka/bin/${name}.sh`,
    `#!/bin/sh\nexec ${java} org.apache.kafka.tools.${className} "$@"\n`,
  ]);
  return {
    command: command.length > 0 ? command : ['sh', '-ec', serve],
    env: { CLUSTER_ID: '5L6g3nShT-eMCtK--X86sw' },
    tmpfs: ['/tmp'],
    programs: {
      '/etc/kafka/docker/server.properties': 'process.roles=broker,controller\n',
      '/etc/kafka/docker/log4j2.yaml': KAFKA_LOG4J,
      '/etc/kafka/docker/tools-log4j2.yaml': KAFKA_LOG4J,
      ...Object.fromEntries(toolPrograms),
    },
  };
}
