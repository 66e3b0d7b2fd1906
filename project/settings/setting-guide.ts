/**
 * What each setting is, for people. docs/settings.md is made from it, and a test checks that exactly the settings have
 * a line here.
 */

interface SettingGuide {
  /** What may be given: a kind of value, or the choices. */
  readonly takes: string;
  readonly means: string;
}

const of = (takes: string, means: string): SettingGuide => ({ takes, means });

const FOLDER = 'folder';
const SIZE = 'size, such as 512MiB';
const MS = 'milliseconds';
const SHARE = '0 to 1';
const FILE = 'file';
const HTTP_URL = 'URL, http or https';

export const SETTING_GUIDE: Readonly<Record<string, SettingGuide>> = {
  project: of('name', 'What the project is called in messages and in the vector log.'),
  definitions: of('list of patterns', 'Files with definitions, relative to the project.'),
  registry: of(
    'sqlite:FILE, postgres://, https://',
    'The registry: what was applied, and every run. Several machines share one on PostgreSQL; a URL is that of `plumb ui` (docs/access.md).',
  ),
  history: of('folder, or s3://bucket/path', 'Every row of aggregated views that was ever computed.'),
  bundles: of(FOLDER, 'Short for `bundles.folder`.'),
  'bundles.folder': of(FOLDER, 'Published bundles, and those that were taken from elsewhere.'),
  'bundles.from': of(
    'list of `online`, URLs, folders',
    'Where bundles are taken from, tried in this order; none: the folder alone.',
  ),
  'bundles.keys': of('list of public keys', 'One of them must have signed what is taken.'),
  'bundles.unsigned': of('true, false', 'Whether what nobody signed is taken, too.'),
  'bundles.signWith': of(FILE, 'The private key that `plumb apply` signs with, of mode 0600.'),
  'bundles.every': of('duration, such as 10s', 'How often a sidecar asks, give or take a fifth.'),
  'bundles.ca': of(FILE, "Authorities in PEM that may certify servers of bundles; none: the machine's."),
  reports: of(FOLDER, "The monitor's snapshots and pages."),
  served: of('folder, or s3://bucket/path', 'The archive: the vector log as hourly Parquet.'),
  'duckdb.extensions': of(
    FOLDER,
    "Where DuckDB's extensions lie, for sources that are tables or on S3; none: `~/.duckdb/extensions`.",
  ),
  's3.endpoint': of(HTTP_URL, 'Of an object storage that is not of AWS; none: AWS_ENDPOINT_URL, or AWS.'),
  's3.region': of('text', 'none: AWS_REGION, or us-east-1.'),
  's3.pathStyle': of('true, false', 'Whether the bucket stands in the path; none: true with an endpoint.'),
  's3.accessKeyId': of('text', 'With `secretAccessKeyFile`; none: AWS_ACCESS_KEY_ID and its secret.'),
  's3.secretAccessKeyFile': of(FILE, 'Read at each start.'),
  vars: of('name: value', 'What stands for `${name}` where a source lies.'),

  online: of('URL', 'Short for `online.url`.'),
  'online.url': of(
    'sqlite:FILE, redis://, rediss://, redis+cluster://, redis+sentinel://',
    'The online store.',
  ),
  'online.keyPrefix': of('text without braces', 'Stands before every key.'),
  'online.user': of('name', 'Who logs in to Redis; none: its default user.'),
  'online.password': of('text', 'Better as `passwordFile`.'),
  'online.passwordFile': of(FILE, 'Read again at each connection.'),
  'online.sentinel.user': of('name', 'Who logs in at the sentinels; none: nobody does.'),
  'online.sentinel.password': of('text', 'The login at the sentinels: its password.'),
  'online.sentinel.passwordFile': of(FILE, 'The login at the sentinels: a file with its password.'),
  'online.tls.ca': of(FILE, "PEM; none: the machine's authorities."),
  'online.tls.cert': of(FILE, 'PEM of a client certificate; with `key`.'),
  'online.tls.key': of(FILE, 'PEM; with `cert`.'),
  'online.tls.serverName': of('name', 'What the certificate must say; none: the name that was called.'),

  'log.enabled': of('true, false', 'Whether answers are logged at all.'),
  'log.spool': of(FOLDER, "The sidecar's segment files."),
  'log.durability': of('queued, written, synced', 'What must be certain before an answer leaves.'),
  'log.maxBytes': of(SIZE, 'How large the spool may grow; well below its volume.'),
  'log.onFull': of(
    'shed-log, reject',
    'On a full spool: answer and count what is not logged, or refuse (503).',
  ),
  'log.ringBytes': of(
    `${SIZE}, at most 1GiB`,
    'Memory for records while the disk is slow; 0: answers wait for the disk.',
  ),
  'log.ingest': of(
    'true, false',
    'Whether `plumb monitor ingest` reads this spool, so that segments wait for it.',
  ),
  'log.hmacKey.id': of('name', 'What the secret is called in every record that is hashed with it.'),
  'log.hmacKey.file': of(FILE, 'The secret: at least 16 random bytes.'),
  'log.kafka.brokers': of('list of host:port', 'Where the log is shipped; without it, nowhere.'),
  'log.kafka.topic': of('name', 'The topic of the vector log.'),
  'log.kafka.client': of('platformatic, kafkajs', 'The library that speaks to Kafka.'),
  'log.kafka.compression': of('none, lz4, zstd', 'How batches are compressed.'),
  'log.kafka.graceMs': of(MS, 'How long a stop goes on shipping what is left.'),
  'log.kafka.tls': of('true, false, or ca, cert, key, serverName', 'As for Redis.'),
  'log.kafka.sasl.mechanism': of('plain, scram-sha-256, scram-sha-512, oauthbearer', 'How to log in.'),
  'log.kafka.sasl.username': of('name', 'For every mechanism but oauthbearer.'),
  'log.kafka.sasl.password': of('text', 'For every mechanism but oauthbearer.'),
  'log.kafka.sasl.token': of('text', 'For oauthbearer, or `tokenFile`.'),
  'log.kafka.sasl.tokenFile': of(FILE, 'Read anew at each login.'),

  'serve.host': of(
    'address, name, or unix:/path (absolute)',
    'Where features are served; loopback only, unless given.',
  ),
  'serve.port': of('port', 'Where features are served; 0: any free one.'),
  'serve.grpcPort': of('port', 'Where gRPC is served, on 127.0.0.1; none: nowhere. 0: any free one.'),
  'serve.socketMode': of("octal text, such as '0660'", 'The mode of a unix socket.'),
  'serve.socketGroup': of('group', "The group of a unix socket; none: the process's."),
  'serve.adminHost': of('address', 'The interface of health and metrics; empty: all.'),
  'serve.adminPort': of('port', 'Where health and metrics are served; 0: any free one.'),
  'serve.livezMs': of(MS, 'How long the loop may stand still before `/livez` says so.'),
  'serve.drainMs': of(MS, 'How long requests are served on after SIGTERM, at least.'),
  'serve.graceMs': of(MS, 'How long the whole end may take.'),
  'serve.deadlineMs': of(MS, 'How long a request waits for the store, unless it says so itself.'),
  'serve.staleLimitMs': of(MS, 'How old a cached row may be that stands in while the store fails.'),
  'serve.cacheEntries': of('number', 'Rows in the cache at most.'),
  'serve.cacheBytes': of(SIZE, 'Memory of the cache.'),
  'serve.cacheFreshMs': of(MS, 'How long a row is answered from the cache.'),
  'serve.cacheLayers.fresh': of(
    'true, false',
    'Rows are answered from the cache. Taken by a running sidecar, as the next five.',
  ),
  'serve.cacheLayers.readAhead': of(
    'true, false',
    'Rows are read again shortly before they cease to be fresh.',
  ),
  'serve.cacheLayers.absent': of('true, false', 'That there is no row is cached too.'),
  'serve.cacheLayers.stale': of('true, false', 'Older rows stand in while the store fails.'),
  'serve.cacheLayers.singleFlight': of('true, false', 'Requests join a read that is under way.'),
  'serve.cacheLayers.hotKeys': of('true, false', 'Keys asked for most are read ahead earlier.'),
  'serve.allowedHosts': of('list of names', 'What a Host header may name beside loopback.'),
  'serve.transport': of(
    'auto, uws, node',
    'Which HTTP server; `uws` in production, which must be there then.',
  ),
  'serve.logLevel': of('info, warn, error', 'Less important lines are left out. Taken by a running sidecar.'),
  'serve.profiling': of(
    'true, false',
    'Whether the admin port takes profiles of the processor and of the heap.',
  ),
  'serve.traces.url': of(
    HTTP_URL,
    'A receiver of OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`; none: nothing is traced.',
  ),
  'serve.traces.share': of(SHARE, 'Of the requests without a `traceparent` that are traced as well.'),

  'materialize.maxRejectedShare': of(SHARE, 'The largest share of the rows of a run that may be rejected.'),
  'materialize.maxAbsentShare': of(
    SHARE,
    'The largest share of the entities that a whole snapshot may lack at once (`absent: delete`).',
  ),
  'materialize.maxLateShare': of(SHARE, 'The largest share of the new events that may come too late.'),
  'materialize.memory': of(SIZE, 'What DuckDB may hold in memory; buffers of Parquet and Node come on top.'),
  'materialize.metrics': of(FILE, 'A textfile for Prometheus that each run writes anew.'),
  'stream.kafka.brokers': of('list of host:port', 'Where the topics of streams lie.'),
  'stream.kafka.tls': of('true, false, or ca, cert, key, serverName', 'As for Redis.'),
  'stream.kafka.sasl.mechanism': of('plain, scram-sha-256, scram-sha-512, oauthbearer', 'How to log in.'),
  'stream.kafka.sasl.username': of('name', 'For every mechanism but oauthbearer.'),
  'stream.kafka.sasl.password': of('text', 'For every mechanism but oauthbearer.'),
  'stream.kafka.sasl.token': of('text', 'For oauthbearer, or `tokenFile`.'),
  'stream.kafka.sasl.tokenFile': of(FILE, 'Read anew at each login.'),
  'stream.state': of(FOLDER, 'What `plumb stream` knows: tiles, offsets, rows on their way to the history.'),
  'stream.flush': of('duration, at least 1s', 'How long a row may be online before it is history.'),
  'stream.lease': of(
    'duration, at least 6s',
    'How long a process that died, or hangs, keeps its partitions of a topic from the others.',
  ),
  'stream.maxRejected': of('number', 'Messages of a minute that cannot be read; past it the stream stops.'),

  'train.memory': of(SIZE, 'What DuckDB may hold in memory.'),
  'train.temp': of(FOLDER, 'Where the rest goes meanwhile, and what a dry run of `materialize` computes.'),

  'spark.command': of('program', 'What starts Spark for `--engine spark`; a path, or a name on the PATH.'),
  'spark.master': of(
    'URL, such as `local[4]`, `yarn`',
    "Where Spark works; none: what Spark's own configuration says.",
  ),
  'spark.conf': of('name: value', 'Settings of Spark, such as `spark.driver.memory: 4g`.'),
  'spark.folder': of(
    FOLDER,
    "Jobs on their way to Spark, what comes back, and the logs; all of Spark's machines see it there.",
  ),
  'monitor.memory': of(
    SIZE,
    'What DuckDB may hold in memory while a day is judged, and at most half of what the container has.',
  ),
  'monitor.scratch': of(FOLDER, 'Where the rest goes meanwhile.'),
  'monitor.keepServedDays': of(
    'number',
    "How many days before today's stay in the archive; null: all, so removing them is yours.",
  ),
  'monitor.reportsUrl': of(HTTP_URL, 'Where the folder of reports is served: messages link to it.'),
  'monitor.alerts': of(
    'list of kind, name, url, urlFile or urlEnv, token, tokenFile or tokenEnv',
    'Who is told of alerts: `webhook`, `slack` or `alertmanager` (docs/operate/alerts.md).',
  ),
  'monitor.sendMs': of(MS, 'How long a message to a receiver may take, all tries included.'),
  'monitor.metrics': of(FILE, 'A textfile for Prometheus that each run of the monitor writes anew.'),
  'monitor.ingestMetrics': of(FILE, 'A textfile for Prometheus that the ingest writes anew at each commit.'),
  'monitor.pushUrl': of(HTTP_URL, 'A Pushgateway that gets the same after each run.'),
  'monitor.pushUrlFile': of(FILE, 'Holds the URL of the Pushgateway; stands over `pushUrl`.'),
  'monitor.heartbeatUrl': of(HTTP_URL, 'Is called after each run, so that a missing run is noticed.'),

  'ui.host': of(
    'address',
    'Where the catalogue listens; unless `access` is on, whoever reaches it reads it all.',
  ),
  'ui.port': of('0 to 65535', 'Of the catalogue; 0: any that is free.'),
  'ui.allowedHosts': of('list of names', 'What a Host header may name beside loopback.'),
  'access.enabled': of('true, false', 'Whether the catalogue and commands ask for a token (docs/access.md).'),
  'access.proxy.from': of(
    'list of addresses and networks',
    'Proxies that check people, and say by headers who asks; from elsewhere these headers are refused.',
  ),
  'access.proxy.userHeader': of('name of a header', 'Who asks, as the proxy says.'),
  'access.proxy.roleHeader': of(
    'name of a header',
    'What they may do: a role; none: whom the proxy lets through may read.',
  ),
  'access.proxy.teamsHeader': of(
    'name of a header',
    'Whose definitions they may change, with commas between.',
  ),
  'access.oidc.issuer': of(HTTP_URL, 'The identity provider that people log in at, as its tokens name it.'),
  'access.oidc.clientId': of('text', 'The client there that browsers log in as.'),
  'access.oidc.clientSecretFile': of(FILE, 'Of that client; none: it is a public one. Read at each login.'),
  'access.oidc.commandClientId': of('text', 'The public client that `plumb login` is; none: the same.'),
  'access.oidc.audience': of('text', 'Whom access tokens are for; none: ID tokens of the clients are taken.'),
  'access.oidc.scopes': of('list of texts', 'What is asked for at a login.'),
  'access.oidc.nameClaim': of('claim, such as email', 'Names people, in the audit, too.'),
  'access.oidc.rolesClaim': of('claim, such as realm_access.roles', 'Says what people may do.'),
  'access.oidc.roles': of('value: role', 'The role for a value of that claim; of several the highest.'),
  'access.oidc.defaultRole': of('role', 'Of whoever has none of these; none: they are not let in.'),
  'access.oidc.teamsClaim': of('claim', 'Says whose definitions people may change.'),
  'access.oidc.teams': of('value: team', 'The team for a value of that claim; none: the values are teams.'),
  'access.oidc.publicUrl': of(HTTP_URL, 'Where browsers reach `plumb ui`; none: as the Host header says.'),
  'access.oidc.sessionKeyFile': of(
    FILE,
    'At least 32 random bytes that sessions of browsers are sealed with; none: they end with the process.',
  ),
  'access.oidc.session': of('duration, such as 8h', 'After which a browser logs in again.'),
  'access.ca': of(FILE, "Authorities in PEM of the identity provider and a registry; none: the machine's."),
  'monitor.heartbeatUrlFile': of(FILE, 'Holds that URL; stands over `heartbeatUrl`.'),
  'monitor.ca': of(FILE, "PEM, for all of these; none: the machine's authorities."),
  'lineage.url': of(HTTP_URL, 'Gets the lineage of each run as an event of OpenLineage, by POST.'),
  'lineage.file': of(FILE, 'Gets these events, a line each.'),
  'lineage.tokenFile': of(
    FILE,
    'The token that the server behind the URL asks for, sent as a bearer; read each time.',
  ),
  'clock.control': of(FILE, "A rehearsal's clock, for the demo and tests."),
  'clock.runLasts': of('duration', 'How long a rehearsed run takes.'),
};

/** Files that programs write, and are not there at first. */
const WRITTEN: ReadonlySet<string> = new Set([
  'materialize.metrics',
  'monitor.metrics',
  'monitor.ingestMetrics',
  'lineage.file',
]);

/** @returns whether a setting, by its path, names a file that has to be there */
export function isInputFile(path: string): boolean {
  return SETTING_GUIDE[path]?.takes === FILE && !WRITTEN.has(path);
}
